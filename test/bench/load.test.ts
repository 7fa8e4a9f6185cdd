import { describe, expect, it } from 'vitest';
import { atRate, type Carrier, type LoadClock, saturate } from '../../bench/load/drive.ts';
import { check } from '../../bench/load/expectation.ts';
import { AnswerReader, type HttpAnswer } from '../../bench/load/http-connection.ts';
import { requestBytes } from '../../bench/load/request-bytes.ts';

const answer = (text: string): Buffer =>
  Buffer.from(`HTTP/1.1 202 Accepted\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);

describe('answers', () => {
  it('are found however the socket cuts them', () => {
    const bytes = Buffer.concat([answer('{"a":"é"}'), answer(''), answer('xyz')]);
    for (let size = 1; size <= bytes.length; size++) {
      const reader = new AnswerReader();
      const bodies: string[] = [];
      for (let at = 0; at < bytes.length; at += size) {
        for (const { status, body } of reader.read(bytes.subarray(at, at + size))) bodies.push(`${status} ${body}`);
      }
      expect(bodies).toEqual(['202 {"a":"é"}', '202 ', '202 xyz']);
    }
  });

  it('that do not say how long they are end the load', () => {
    expect(() => new AnswerReader().read(Buffer.from('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'))).toThrow(
      /how long/,
    );
  });

  it.each([
    ['another status', { status: 200 }],
    ['a header that is missing', { status: 202, header: 'x-source: cache' }],
    ['a body of another length', { status: 202, bytes: 4 }],
    ['a text that is missing', { status: 202, text: 'jobId' }],
  ])('with %s end the load', (_, expected) => {
    const [read] = new AnswerReader().read(answer('xyz'));
    expect(() => check(expected, read as HttpAnswer)).toThrow(/xyz/);
    expect(() => check({ status: 202, header: 'content-length: 3', bytes: 3, text: 'y' }, read as HttpAnswer)).not.toThrow();
  });
});

it('a request says what it carries', () => {
  const bytes = requestBytes({ method: 'POST', path: '/a', headers: { 'x-token': 't' }, body: { é: 1 } }, 'host:1');
  expect(bytes.toString()).toBe(
    'POST /a HTTP/1.1\r\nhost: host:1\r\nx-token: t\r\ncontent-type: application/json\r\ncontent-length: 8\r\n\r\n{"é":1}',
  );
  expect(requestBytes({ method: 'GET', path: '/' }, 'h').toString()).toBe('GET / HTTP/1.1\r\nhost: h\r\n\r\n');
});

/** Time that stands still unless told, and servers that take a while. */
class World {
  nowMs = 0;
  #timers: { readonly atMs: number; readonly run: () => void }[] = [];
  readonly clock: LoadClock = { now: () => this.nowMs, after: (ms, run) => this.at(this.nowMs + ms, run) };

  at(atMs: number, run: () => void): void {
    this.#timers.push({ atMs, run });
  }

  /** Lets everything happen. */
  run(): void {
    for (;;) {
      this.#timers.sort((a, b) => a.atMs - b.atMs);
      const next = this.#timers.shift();
      if (next === undefined) return;
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.run();
    }
  }

  /** @param tookMs how long the nth request takes */
  carriers(count: number, tookMs: (request: number) => number): { carriers: Carrier[]; asked: string[] } {
    const asked: string[] = [];
    const carrier: Carrier = {
      ask: (request, onAnswer) => {
        const took = tookMs(asked.length);
        asked.push(request.toString());
        this.at(this.nowMs + took, () => onAnswer({ status: 200, head: '', body: Buffer.alloc(0) }));
      },
    };
    return { carriers: Array.from({ length: count }, () => carrier), asked };
  }
}

const REQUESTS = ['a', 'b', 'c'].map((text) => Buffer.from(text));

describe('a load', () => {
  it('at saturation keeps all carriers busy until its time is over', async () => {
    const world = new World();
    const { carriers, asked } = world.carriers(2, () => 10);
    const driving = saturate({ carriers, requests: REQUESTS, clock: world.clock, check: () => {} }, 0.1);
    world.run();
    const { latenciesMs, seconds } = await driving;
    expect(latenciesMs).toEqual(Array.from({ length: 20 }, () => 10));
    expect(seconds).toBe(0.1);
    expect(asked.slice(0, 4).join('')).toBe('abca');
  });

  it('at a rate counts from when a request was due, so a server that stands still hides nothing', async () => {
    const world = new World();
    // The first takes a whole second; the others nothing.
    const { carriers } = world.carriers(1, (request) => (request === 0 ? 1_000 : 0));
    const driving = atRate({ carriers, requests: REQUESTS, clock: world.clock, check: () => {} }, 10, 1);
    world.run();
    const { latenciesMs } = await driving;
    expect(latenciesMs.map(Math.round)).toEqual([1_000, 900, 800, 700, 600, 500, 400, 300, 200, 100]);
  });

  it('at a rate sends what is due however late its timers are', async () => {
    const world = new World();
    const late: LoadClock = { now: world.clock.now, after: (ms, run) => world.at(world.nowMs + ms + 250, run) };
    const { carriers, asked } = world.carriers(3, () => 1);
    const driving = atRate({ carriers, requests: REQUESTS, clock: late, check: () => {} }, 100, 1);
    world.run();
    expect((await driving).latenciesMs).toHaveLength(100);
    expect(asked).toHaveLength(100);
  });

  it('ends with the first answer that is not as expected', async () => {
    const world = new World();
    const { carriers } = world.carriers(1, () => 1);
    const fail = (): never => {
      throw new Error('not as expected');
    };
    void saturate({ carriers, requests: REQUESTS, clock: world.clock, check: fail }, 1);
    expect(() => world.run()).toThrow('not as expected');
  });
});
