/** What a job can do, and what each is for: all actions there are. */
export const ACTION_PURPOSES = {
  'sync-messages': "reads a channel's newest messages from Telegram",
  'get-channels': "reads the account's channels from Telegram",
} as const;

/** The name of an action, as requests and jobs have it. */
export type ActionName = keyof typeof ACTION_PURPOSES;

export const ACTION_NAMES = Object.keys(ACTION_PURPOSES) as ActionName[];
