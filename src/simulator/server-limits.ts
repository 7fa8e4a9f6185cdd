/** Where the server's patience ends. Tests move these; the defaults are near Telegram's, where those are known. */
export interface ServerLimits {
  /** How long a login code is good, in seconds. */
  codeSeconds: number;
  /** Wrong codes after which the right one counts no more. */
  codeTries: number;
  /** Codes that are sent to one number within an hour; then FLOOD_WAIT. Far above Telegram's, as tests log in often. */
  codesPerHour: number;
  /** How long a QR login token is good, in seconds. */
  tokenSeconds: number;
  /** How long the parameters of a password check are good, in seconds. */
  passwordCheckSeconds: number;
  /** Wrong passwords after which there is a FLOOD_WAIT. */
  passwordTries: number;
  /** How long that wait is, in seconds. */
  passwordWaitSeconds: number;
  /** Events in one slice of an account's difference. */
  differenceSlice: number;
  /** Missed events beyond which an account's difference is too long. */
  differenceMost: number;
  /** Events in one slice of a channel's difference, however many are asked for. */
  channelSlice: number;
  /** Missed events beyond which a channel's difference is too long. */
  channelDifferenceMost: number;
  /** When a client may ask for a channel's difference again, in seconds. */
  pollSeconds: number;
  /** Connections to one data centre at one time, from which on a new one hears -429. */
  connectionsMost: number;
}

/** What holds until a test says otherwise. */
export const DEFAULT_LIMITS: Readonly<ServerLimits> = {
  codeSeconds: 300,
  codeTries: 5,
  codesPerHour: 1_000,
  tokenSeconds: 30,
  passwordCheckSeconds: 300,
  passwordTries: 5,
  passwordWaitSeconds: 60,
  differenceSlice: 100,
  differenceMost: 5_000,
  channelSlice: 100,
  channelDifferenceMost: 5_000,
  pollSeconds: 30,
  connectionsMost: 100_000,
};
