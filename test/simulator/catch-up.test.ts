import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TlObject } from '../../src/simulator/tl-codec.ts';
import { House } from './house.ts';
import type { RawClient } from './raw-client.ts';

const ANA = '351900000001';
const RUI = '351900000002';
const channel = 'news';
const RUNS = 20;
const WORLD = {
  accounts: [
    { phone: ANA, code: '11111' },
    { phone: RUI, code: '22222' },
  ],
  channels: [{ username: channel, title: 'News', messages: 10 }],
  chats: [{ members: [ANA, RUI], messages: 3 }],
};

let house: House;
beforeAll(async () => {
  house = await House.open(WORLD);
});
afterAll(() => house.close());

interface Kept {
  readonly text: unknown;
  readonly pinned: boolean;
}

const kept = ({ message, pinned }: TlObject): Kept => ({ text: message ?? '', pinned: pinned === true });

/** One box as an honest client keeps it: what follows is applied, what came before is passed over, after a gap it waits for the difference. */
class Box {
  pts: number;
  readonly messages: Map<unknown, Kept>;

  constructor(pts: number, messages: Iterable<readonly [unknown, Kept]>) {
    this.pts = pts;
    this.messages = new Map(messages);
  }

  /** Takes an update out of a push. */
  push(update: TlObject): void {
    const [pts, count] = [update.pts as number, update.ptsCount as number];
    if (pts !== this.pts + count) return;
    this.apply(update);
    this.pts = pts;
  }

  apply(update: TlObject): void {
    const ids = (update.messages ?? []) as number[];
    if (update._.startsWith('updateDelete')) for (const id of ids) this.messages.delete(id);
    else if (update._.startsWith('updatePinned')) {
      for (const id of ids) {
        const message = this.messages.get(id);
        if (message !== undefined) this.messages.set(id, { ...message, pinned: update.pinned === true });
      }
    } else if (update.message !== undefined) this.add(update.message as TlObject);
  }

  add(message: TlObject): void {
    this.messages.set(message.id, kept(message));
  }
}

/** A client that follows one channel and its own messages. */
class Follower {
  client: RawClient;
  readonly channel: Box;
  readonly own: Box;
  readonly #inputChannel: TlObject;
  readonly #date: unknown;
  #seen = 0;

  private constructor(client: RawClient, channelBox: Box, own: Box, input: TlObject, date: unknown) {
    this.client = client;
    this.channel = channelBox;
    this.own = own;
    this.#inputChannel = input;
    this.#date = date;
  }

  static async start(): Promise<Follower> {
    const client = await house.rawLogin(ANA);
    const { chats } = await client.call({ _: 'contacts.resolveUsername', username: channel });
    const [{ id, accessHash }] = chats as [TlObject];
    const { pts, date } = await client.call({ _: 'updates.getState' });
    const inbox = await house.control.tell('inbox', { phone: ANA });
    const [listed] = await house.control.tell('channels', {});
    return new Follower(
      client,
      new Box(listed?.pts ?? 0, await inChannel()),
      new Box(
        pts as number,
        inbox.messages.map(({ id, text, pinned }) => [id, { text, pinned }] as const),
      ),
      { _: 'inputChannel', channelId: id, accessHash },
      date,
    );
  }

  /** Takes in what was pushed so far. */
  takePushes(): void {
    for (const { object } of this.client.received.slice(this.#seen)) {
      if (object._ === 'updateShortMessage') this.own.push({ ...object, message: object });
      for (const update of (object.updates ?? []) as TlObject[]) {
        if (update.pts !== undefined) (update._.includes('Channel') ? this.channel : this.own).push(update);
      }
    }
    this.#seen = this.client.received.length;
  }

  /** Asks for what is missing, until nothing is. @returns how many slices that took */
  async catchUp(): Promise<number> {
    let slices = 0;
    for (let final = false; !final; slices++) {
      const { pts } = this.own;
      const answer = await this.client.call({ _: 'updates.getDifference', pts, date: this.#date as number, qts: 0 });
      if (answer._ === 'updates.differenceEmpty') {
        slices++;
        break;
      }
      for (const message of (answer.newMessages ?? []) as TlObject[]) this.own.add(message);
      for (const update of (answer.otherUpdates ?? []) as TlObject[]) this.own.apply(update);
      this.own.pts = ((answer.intermediateState ?? answer.state) as TlObject | undefined)?.pts as number;
      final = answer._ !== 'updates.differenceSlice';
    }
    for (let final = false; !final; slices++) {
      const filter = { _: 'channelMessagesFilterEmpty' };
      const request = { channel: this.#inputChannel, filter, pts: this.channel.pts, limit: 7 };
      const answer = await this.client.call({ _: 'updates.getChannelDifference', ...request });
      for (const message of (answer.newMessages ?? []) as TlObject[]) this.channel.add(message);
      for (const update of (answer.otherUpdates ?? []) as TlObject[]) this.channel.apply(update);
      this.channel.pts = answer.pts as number;
      final = answer.final === true;
    }
    return slices;
  }
}

async function inChannel(): Promise<(readonly [number, Kept])[]> {
  const dump = await house.control.tell('dump', { channel });
  return dump.map(({ id, text, pinned }) => [id, { text, pinned }] as const);
}

const step = fc.record({
  what: fc.constantFrom(
    'post',
    'post',
    'post',
    'edit',
    'delete',
    'pin',
    'unpin',
    'write',
    'write',
    'short',
    'change',
    'remove',
    'mark',
  ),
  which: fc.nat(50),
});
type Step = { readonly what: string; readonly which: number };

async function happen({ what, which }: Step): Promise<void> {
  const { control } = house;
  const dump = await control.tell('dump', { channel });
  const { messages } = await control.tell('inbox', { phone: ANA });
  const posts = dump.filter(({ kind }) => kind === 'message');
  const post = posts[which % Math.max(1, posts.length)]?.id;
  const own = messages[which % Math.max(1, messages.length)]?.id;
  if (what === 'post') await control.tell('post', { channel, text: `post ${which}` });
  else if (what === 'write' || what === 'short') {
    const [from, to] = which % 2 === 0 ? [ANA, RUI] : [RUI, ANA];
    await control.tell('message', { from, to, text: `letter ${which}`, form: what === 'short' ? 'short' : 'full' });
  } else if (post !== undefined && what === 'edit')
    await control.tell('edit', { channel, messageId: post, text: `edit ${which}` });
  else if (post !== undefined && what === 'delete') await control.tell('delete', { channel, ids: [post, post + 1, post + 2] });
  else if (post !== undefined && what.endsWith('pin'))
    await control.tell('pin', { channel, messageId: post, on: what === 'pin' });
  else if (own !== undefined && what === 'change')
    await control.tell('editMessage', { phone: ANA, messageId: own, text: `change ${which}` });
  else if (own !== undefined && what === 'remove')
    await control.tell('deleteMessages', { phone: ANA, ids: [own], everywhere: true });
  else if (own !== undefined && what === 'mark')
    await control.tell('pinMessage', { phone: ANA, messageId: own, on: which % 2 === 0 });
}

describe('a client that keeps to the rules', () => {
  it('has in the end what the world has, whatever is lost, doubled and swapped on the way', async () => {
    let compared = 0;
    let slices = 0;
    await house.control.tell('limits', { differenceSlice: 3 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 15, maxLength: 40 }),
        fc.nat(1_000),
        fc.boolean(),
        async (steps, seed, dies) => {
          const follower = await Follower.start();
          await house.control.tell('faults', { rates: { drop: 0.1, duplicate: 0.1, hold: 0.1, seed } });
          for (const one of steps) await happen(one);
          follower.takePushes();
          if (dies) {
            await house.restart();
            await house.control.tell('limits', { differenceSlice: 3 });
            follower.client = house.keep(await follower.client.twin(house.info));
          } else await house.control.tell('faults', { rates: { drop: 0, duplicate: 0, hold: 0, seed } });
          slices += await follower.catchUp();
          const { messages, pts } = await house.control.tell('inbox', { phone: ANA });
          const [listed] = await house.control.tell('channels', {});
          expect(new Map(follower.channel.messages)).toEqual(new Map(await inChannel()));
          expect(follower.channel.pts).toBe(listed?.pts);
          expect(new Map(follower.own.messages)).toEqual(new Map(messages.map(({ id, text, pinned }) => [id, { text, pinned }])));
          expect(follower.own.pts).toBe(pts);
          compared += messages.length + follower.channel.messages.size;
          follower.client.end();
        },
      ),
      { numRuns: RUNS },
    );
    console.info(`caught up in ${slices} slices; ${compared} messages compared`);
    // One for each box and run is the least: that there were more says that there was something to catch up with.
    expect(slices).toBeGreaterThan(2 * RUNS);
  }, 120_000);
});
