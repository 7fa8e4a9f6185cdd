/** What of GramJS can be replaced, each by itself. */
export type SpeedPartName = 'int64' | 'byte-strings' | 'objects' | 'aes-ige' | 'gunzip' | 'crc32' | 'history';

/** One slow part of GramJS and what takes its place. */
export interface SpeedPart {
  readonly name: SpeedPartName;
  /**
   * Gives GramJS's own and ours the same known inputs and compares both with the known answers.
   * @throws Error that says what is not as expected
   */
  check(): void;
  /** Puts ours in GramJS's place, for the whole process. Only after {@link SpeedPart.check} went well. */
  install(): void;
}

/**
 * Compares one answer with the known one.
 * @param who whose answer it is, for the message
 * @throws Error when they differ
 */
export function expectAnswer(who: 'GramJS' | 'ours', input: string, answer: string, known: string): void {
  if (answer !== known) throw new Error(`${who} gives ${answer} for ${input}, and not ${known}`);
}
