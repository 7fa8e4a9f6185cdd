import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';

/** A subscriber of events who counts them and keeps none. */
export class CountingListener {
  /** New messages so far. */
  heard = 0;
  readonly #answer: IncomingMessage;
  #rest = '';

  private constructor(answer: IncomingMessage) {
    this.#answer = answer;
    answer.setEncoding('utf8');
    answer.on('data', (part: string) => {
      const lines = (this.#rest + part).split('\n');
      this.#rest = lines.pop() ?? '';
      this.heard += lines.filter((line) => line.startsWith('event: message.new')).length;
    });
    // What is missing is noticed by the count.
    answer.on('error', () => {});
  }

  static async open(url: string, headers: Readonly<Record<string, string>>): Promise<CountingListener> {
    const request = get(`${url}/api/telegram-gateway/events?topics=message.new`, { headers });
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    if (answer.statusCode !== 200) throw new Error(`events: ${answer.statusCode}`);
    return new CountingListener(answer);
  }

  close(): void {
    this.#answer.destroy();
  }
}
