/**
 * Loaded into a running program by `node --import`: plants failures in its actors when it is told to, over a socket. It reaches them where the
 * registry sees each life's logic pass, so the program itself knows nothing of it.
 * A line in: `<place> <path of the actor>`; a line out: `ok`, or why not.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { isMainThread } from 'node:worker_threads';

const BOMB = 'test.bomb';

// The simulator's process and worker threads inherit the option.
if (isMainThread && process.argv[2] === 'start') {
  const { Registry } = await import(new URL('../../dist/actors/registry.js', import.meta.url).href);
  /** @type {Map<string, {self: any, incarnation: number, inside: (work: () => void) => void}>} */
  const lives = new Map();
  const atBirth = new Set();
  const { recorded } = Registry.prototype;
  Registry.prototype.recorded = function (path, incarnation, logic) {
    const mined = Object.create(logic, {
      getInitialSnapshot: {
        value: (scope, input) => {
          lives.set(path, { self: scope.self, incarnation, inside: AsyncLocalStorage.snapshot() });
          if (atBirth.delete(path)) throw new Error('planted: entry');
          return logic.getInitialSnapshot(scope, input);
        },
      },
      transition: {
        value: (snapshot, event, scope) => {
          if (event.type !== BOMB) return logic.transition(snapshot, event, scope);
          if (event.place === 'end') return { ...snapshot, status: 'done', output: undefined };
          throw new Error(`planted: ${event.place}`);
        },
      },
    });
    return recorded.call(this, path, incarnation, mined);
  };

  /** Each place where code of an actor may fail. */
  const places = {
    step: ({ self }) => self.send({ type: BOMB, place: 'step' }),
    end: ({ self }) => self.send({ type: BOMB, place: 'end' }),
    entry: ({ self }, path) => {
      atBirth.add(path);
      self.send({ type: BOMB, place: 'step' });
    },
    timer: ({ inside }) =>
      inside(() =>
        setTimeout(() => {
          throw new Error('planted: timer');
        }, 1),
      ),
    rejection: ({ inside }) =>
      inside(() => {
        void Promise.resolve().then(() => {
          throw new Error('planted: rejection');
        });
      }),
    nobody: () =>
      setTimeout(() => {
        throw new Error('planted: nobody');
      }, 1),
  };

  createServer((socket) => {
    createInterface({ input: socket }).on('line', (line) => {
      const [place, path] = line.split(' ');
      const life = lives.get(path);
      if (life) places[place](life, path);
      socket.write(life ? 'ok\n' : `there is no ${path}\n`);
    });
  })
    .listen(Number(process.env.SABOTEUR_PORT), '127.0.0.1')
    .unref();
}
