import { setTimeout as pause } from 'node:timers/promises';
import type { ControlClient } from '../../src/simulator/control.ts';
import { LIVELY, PEOPLE } from './world.ts';

/** What happens a second: posts, edits, deletions, private messages. */
const PER_SECOND = 50;
/** More than so many that the simulator has not confirmed are not added. */
const MOST_UNDER_WAY = 50;

/** What happens at Telegram all the time. What was on its way to a simulator that was killed may not have happened: its world says. */
export class Happenings {
  readonly #control: () => ControlClient;
  readonly #random: () => number;
  readonly #posts = new Map<string, number[]>(LIVELY.map((channel) => [channel, []]));
  readonly #letters: number[] = [];
  happened = 0;
  #underWay = 0;
  #stopped = false;
  #running: Promise<void> = Promise.resolve();

  /** @param control of the simulator that runs now */
  constructor(control: () => ControlClient, random: () => number) {
    this.#control = control;
    this.#random = random;
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    const startedAt = performance.now();
    let begun = 0;
    while (!this.#stopped) {
      const due = ((performance.now() - startedAt) / 1_000) * PER_SECOND;
      begun = Math.max(begun, Math.floor(due) - PER_SECOND / 5);
      for (; begun < due; begun++) {
        if (this.#underWay >= MOST_UNDER_WAY) continue;
        this.#underWay += 1;
        void this.#happen(begun)
          .then(
            () => {
              this.happened += 1;
            },
            // What is deleted already cannot be edited; and a simulator that was killed does nothing.
            () => {},
          )
          .finally(() => {
            this.#underWay -= 1;
          });
      }
      await pause(20);
    }
    while (this.#underWay > 0) await pause(20);
  }

  async #happen(number: number): Promise<void> {
    const control = this.#control();
    const channel = this.#pick(LIVELY) ?? '';
    const posts = this.#posts.get(channel) ?? [];
    const messageId = this.#pick(posts.slice(-50));
    const [first, second] = PEOPLE;
    const [from, to] = this.#random() < 0.5 ? [first?.phone, second?.phone] : [second?.phone, first?.phone];
    const what = this.#random();
    const text = `${number} ${'word '.repeat(Math.floor(this.#random() * 30))}`;
    if (what < 0.12) {
      const letter = await control.tell('message', { from: from ?? '', to: to ?? '', text });
      if (from === first?.phone) this.#letters.push(letter.id);
    } else if (what < 0.15 && this.#letters.length > 0)
      await control.tell('editMessage', { phone: first?.phone ?? '', messageId: this.#pick(this.#letters) ?? 0, text });
    else if (what < 0.16 && this.#letters.length > 0)
      await control.tell('deleteMessages', {
        phone: first?.phone ?? '',
        ids: [this.#pick(this.#letters) ?? 0],
        everywhere: true,
      });
    else if (what < 0.36 && messageId !== undefined) await control.tell('edit', { channel, messageId, text: `edited ${text}` });
    else if (what < 0.44 && messageId !== undefined) await control.tell('delete', { channel, ids: [messageId] });
    else posts.push((await control.tell('post', { channel, text })).id);
  }

  #pick<T>(list: readonly T[]): T | undefined {
    return list[Math.floor(this.#random() * list.length)];
  }
}
