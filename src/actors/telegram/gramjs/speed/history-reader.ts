import { BinaryReader } from 'telegram/extensions/BinaryReader.js';
import { Api } from 'telegram/tl/index.js';
import type { HistoryPage, Json, Message } from '../../../../ports.ts';
import { COLUMNS, messageOf, toHistoryPage } from '../convert.ts';
import { KNOWN_HISTORY } from './known-history.ts';
import { expectAnswer, type SpeedPart } from './speed-part.ts';
import { TlBytes } from './tl-bytes.ts';
import { TlJsonReader, type TlPlan, vector } from './tl-json-reader.ts';
import { TlSchema } from './tl-schema.ts';

/** The part of an answer's plan that comes before its messages. */
interface HeadPlan extends TlPlan {
  readonly hasMessages: boolean;
}

/** A message, or the id of an empty one. */
interface Read {
  readonly id: number;
  readonly message: Message | undefined;
}

/**
 * Reads the answer to messages.getHistory from its bytes into our rows. What comes behind the messages (topics, chats and users)
 * is not looked at: nobody here wants it.
 */
export class HistoryReader {
  readonly #json = new TlJsonReader(new TlSchema(), COLUMNS);
  readonly #heads = new Map<TlPlan, HeadPlan>();

  /**
   * @param bytes an object of TL's type messages.Messages
   * @throws TypeNotFoundError for a constructor that the schema does not know, RangeError or Error for malformed data
   */
  page(bytes: TlBytes): HistoryPage {
    const plan = this.#head(this.#json.plan(bytes));
    const head: Record<string, Json> = {};
    this.#json.fields(bytes, plan, head, head);
    const count = (head.count as number | undefined) ?? null;
    if (!plan.hasMessages) return { messages: [], oldestId: null, total: count ?? 0, pts: null };
    const read = vector(bytes, this.#message);
    const messages = read.map(({ message }) => message).filter((message) => message !== undefined);
    return {
      messages,
      oldestId: read.at(-1)?.id ?? null,
      total: count ?? messages.length,
      pts: (head.pts as number | undefined) ?? null,
    };
  }

  readonly #message = (bytes: TlBytes): Read => {
    const plan = this.#json.plan(bytes);
    const raw: Record<string, Json> = { _: plan.name };
    const columns: Record<string, Json> = {};
    this.#json.fields(bytes, plan, raw, columns);
    const { id } = columns;
    // GramJS makes no message without one.
    if (typeof id !== 'number' || id === 0) throw new Error(`a ${plan.name} without an id is no message`);
    return { id, message: messageOf(raw, columns, 0) };
  };

  #head(plan: TlPlan): HeadPlan {
    const known = this.#heads.get(plan);
    if (known) return known;
    const at = plan.steps.findIndex(({ name }) => name === 'messages');
    if (!plan.name.startsWith('messages.') || (at === -1 && plan.name !== 'messages.MessagesNotModified')) {
      throw new Error(`${plan.name} is no answer to messages.getHistory`);
    }
    const head = { name: plan.name, steps: at === -1 ? plan.steps : plan.steps.slice(0, at), hasMessages: at !== -1 };
    this.#heads.set(plan, head);
    return head;
  }
}

type ReadResult = (reader: BinaryReader) => unknown;

/** A call whose answer is read by GramJS's sender through this method of the call. */
export interface HistoryRequest {
  readResult: ReadResult;
}

let reader: HistoryReader | undefined;

/** Makes a call of messages.getHistory give a {@link HistoryPage} instead of GramJS's objects. */
export function readDirectly(request: HistoryRequest): void {
  reader ??= new HistoryReader();
  const history = reader;
  request.readResult = (answer) => history.page(new TlBytes(answer.getBuffer(), answer.tellPosition()));
}

/**
 * Reading of history without GramJS's objects. Nothing of GramJS is replaced for it: who makes the call asks for it with
 * {@link readDirectly}, once this part is known to run.
 * @param target the prototype whose method GramJS reads the answer with
 */
export function historyPart(target: HistoryRequest = Api.messages.GetHistory.prototype as unknown as HistoryRequest): SpeedPart {
  return {
    name: 'history',
    check() {
      const direct: HistoryRequest = { readResult: () => undefined };
      readDirectly(direct);
      for (const { answerHex, pageJson } of KNOWN_HISTORY) {
        const answer = () => new BinaryReader(Buffer.from(answerHex, 'hex'));
        const objects = target.readResult.call(null, answer()) as Api.messages.TypeMessages;
        expectAnswer('GramJS', 'a known page of history', JSON.stringify(toHistoryPage(objects)), pageJson);
        expectAnswer('ours', 'a known page of history', JSON.stringify(direct.readResult(answer())), pageJson);
      }
    },
    install() {},
  };
}
