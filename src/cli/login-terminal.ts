import { createInterface, type Interface } from 'node:readline';
import { Writable } from 'node:stream';
import type { Person } from './login-dialogue.ts';
import { complain, say } from './terminal.ts';

/**
 * Whoever sits at the terminal, or what is piped into the command: then each line is an answer. A terminal is kept from showing what is typed
 * from the first question to the end, since who types ahead types secrets too; what is typed before its question is dropped.
 */
export class TerminalPerson implements Person {
  readonly #onLeave: () => void;
  readonly #isTerminal = process.stdin.isTTY === true;
  /** Lines that came before anybody asked. */
  readonly #ahead: string[] = [];
  #input: Interface | undefined;
  #isOver = false;
  #isShown = false;
  #answer: ((line: string | undefined) => void) | undefined;

  /** @param onLeave told of Ctrl-C, at a question or not */
  constructor(onLeave: () => void) {
    this.#onLeave = onLeave;
  }

  say(line: string): void {
    say(line);
  }

  complain(line: string): void {
    complain(line);
  }

  askHidden(question: string): Promise<string | undefined> {
    return this.#ask(question, false);
  }

  /** For what is no secret: a terminal shows what is typed. */
  ask(question: string): Promise<string | undefined> {
    return this.#ask(question, true);
  }

  /** Ends an open question, and gives the terminal back as it was. */
  close(): void {
    this.#isOver = true;
    this.#input?.close();
    this.#reply(undefined);
  }

  #ask(question: string, isShown: boolean): Promise<string | undefined> {
    // Before the question is there, the terminal has to be quiet.
    const input = this.#open();
    this.#isShown = isShown;
    input.setPrompt(isShown ? question : '');
    if (isShown && this.#isTerminal) input.prompt();
    else process.stdout.write(question);
    return new Promise<string | undefined>((resolve) => {
      const answered = (line: string | undefined): void => {
        if (!isShown || !this.#isTerminal) process.stdout.write('\n');
        this.#isShown = false;
        resolve(line);
      };
      const ahead = this.#ahead.shift();
      if (ahead !== undefined) answered(ahead);
      else if (this.#isOver) answered(undefined);
      else this.#answer = answered;
    });
  }

  #open(): Interface {
    if (this.#input) return this.#input;
    const output = new Writable({
      write: (chunk, _encoding, done) => {
        if (this.#isShown) process.stdout.write(chunk);
        done();
      },
    });
    const input = createInterface({ input: process.stdin, output, terminal: this.#isTerminal, historySize: 0 });
    input.on('line', (line) => {
      if (this.#answer) this.#reply(line);
      else if (!this.#isTerminal) this.#ahead.push(line);
    });
    input.on('SIGINT', () => {
      this.#onLeave();
      this.close();
    });
    input.on('close', () => {
      this.#isOver = true;
      this.#reply(undefined);
    });
    this.#input = input;
    return input;
  }

  #reply(line: string | undefined): void {
    const answer = this.#answer;
    this.#answer = undefined;
    answer?.(line);
  }
}
