import type { ChatId, Json, StreamEvent } from '../../ports.ts';

/** Version of what events look like from outside; fields are only added under the same one. */
export const EVENT_VERSION = 1;

/** An event as it is told, made once for all who hear it. */
export interface ToldEvent {
  readonly position: number;
  readonly topic: string;
  /** The topic's first two parts, e.g. `message.new`. */
  readonly type: string;
  /** The channel it is about; null where it is about none. */
  readonly channelId: ChatId | null;
  /** A block of `text/event-stream` (https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation). */
  readonly frame: string;
}

/** @returns what is told of an event, whichever way: what says which event it is comes first, and no payload can say otherwise */
export function eventData({ position, topic, payload, at }: StreamEvent): { readonly [key: string]: Json } {
  return { version: EVENT_VERSION, id: position, topic, at: new Date(at).toISOString(), ...without(payload, RESERVED) };
}

/** @returns the event as it is told */
export function toldEvent(event: StreamEvent): ToldEvent {
  const { position, topic, payload } = event;
  const type = typeOf(topic);
  const { channelId } = payload;
  return {
    position,
    topic,
    type,
    channelId: typeof channelId === 'number' ? channelId : null,
    frame: frameOf(position, type, eventData(event)),
  };
}

/** @returns one block of an event stream; JSON has no line ends, so its data is one line */
export function frameOf(id: number | null, event: string, data: { readonly [key: string]: Json }): string {
  return `${id === null ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** @returns the data of blocks that `frameOf` made, each a JSON text */
export function dataOfFrames(frames: string): string[] {
  return [...frames.matchAll(/^data: (.*)$/gm)].map(([, data = '']) => data);
}

const RESERVED = ['version', 'id', 'topic', 'at'] as const;

function without(payload: StreamEvent['payload'], names: readonly string[]): StreamEvent['payload'] {
  return names.some((name) => name in payload)
    ? Object.fromEntries(Object.entries(payload).filter(([name]) => !names.includes(name)))
    : payload;
}

/** @returns a topic's first two parts */
export function typeOf(topic: string): string {
  const end = topic.indexOf('.', topic.indexOf('.') + 1);
  return end < 0 ? topic : topic.slice(0, end);
}
