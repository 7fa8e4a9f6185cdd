import { closeSync, fstatSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { Log } from '../log.ts';

/**
 * A file of JSON lines that only grows. A line counts once its write call returned: the system keeps it through the end of this
 * process at any instant (not through a power cut, which a simulator need not survive).
 */
export class Journal {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * Opens a journal, making it where it is missing, and cuts off a last line that was not written to its end.
   * @param each called with every line that is there, in order
   */
  static open(path: string, log: Log, each: (record: unknown) => void): Journal {
    const fd = openSync(path, 'a+', 0o600);
    const bytes = readFileSync(path);
    const end = bytes.lastIndexOf(0x0a) + 1;
    if (end < bytes.length) {
      log.warn({ path, bytes: bytes.length - end }, 'journal: a torn last line was cut off');
      ftruncateSync(fd, end);
    }
    let start = 0;
    while (start < end) {
      const next = bytes.indexOf(0x0a, start);
      const line = bytes.toString('utf8', start, next);
      start = next + 1;
      try {
        each(JSON.parse(line));
      } catch (error) {
        log.warn({ path, offset: start, reason: String(error) }, 'journal: an unreadable line was passed over');
      }
    }
    return new Journal(fd);
  }

  /** Writes one line, and returns once the system has it. @throws when the disk does not take it; then nothing of it stays */
  append(record: object): void {
    const line = Buffer.from(`${JSON.stringify(record)}\n`, 'utf8');
    const before = fstatSync(this.#fd).size;
    try {
      let written = 0;
      while (written < line.length) written += writeSync(this.#fd, line, written);
    } catch (error) {
      ftruncateSync(this.#fd, before);
      throw error;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}
