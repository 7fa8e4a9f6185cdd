import { requestHeaders } from './api.ts';

/** One event of a stream (https://html.spec.whatwg.org/multipage/server-sent-events.html). */
export interface ServerEvent {
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

export interface FeedOptions {
  /** Relative to the page. */
  readonly url: string;
  readonly onEvent: (event: ServerEvent) => void;
  /** True when the stream is open, false when it is not; with how long until the next attempt, in ms. */
  readonly onState: (open: boolean, retryInMs: number) => void;
}

/** After this long without a byte the stream is taken for dead, in ms: the server sends something every 15 s. */
const SILENCE_MS = 45_000;

/**
 * Follows a stream of events for ever, from the last one that was seen. Not by the browser's EventSource: that could only send a token in the URL.
 * @returns ends it
 */
export function followEvents({ url, onEvent, onState }: FeedOptions): () => void {
  const stop = new AbortController();
  let lastId = '';
  let attempt = 0;

  const once = async (): Promise<void> => {
    const silence = new AbortController();
    let timer = setTimeout(() => silence.abort(), SILENCE_MS);
    try {
      const headers = { ...requestHeaders(), accept: 'text/event-stream', ...(lastId === '' ? {} : { 'last-event-id': lastId }) };
      const response = await fetch(url, { headers, signal: AbortSignal.any([stop.signal, silence.signal]), cache: 'no-store' });
      if (!response.ok || !response.body) throw new Error(`HTTP ${response.status}`);
      attempt = 0;
      onState(true, 0);
      const parse = eventParser((event) => {
        if (event.id !== '') lastId = event.id;
        onEvent(event);
      });
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), SILENCE_MS);
        parse(part.value);
      }
    } finally {
      clearTimeout(timer);
    }
  };

  const forEver = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await once().catch(() => {});
      if (stop.signal.aborted) return;
      const delayMs = Math.min(15_000, 500 * 2 ** attempt++) * (0.5 + Math.random() / 2);
      onState(false, delayMs);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
    }
  };
  void forEver();
  return () => stop.abort();
}

/** @returns takes the text of a stream as it comes, in any pieces */
export function eventParser(onEvent: (event: ServerEvent) => void): (text: string) => void {
  let rest = '';
  let id = '';
  let event = '';
  let data: string[] = [];
  return (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const raw of lines) {
      const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
      if (line === '') {
        if (data.length > 0 || id !== '') onEvent({ id, event: event || 'message', data: data.join('\n') });
        id = '';
        event = '';
        data = [];
        continue;
      }
      const colon = line.indexOf(':');
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (field === 'id') id = value;
      else if (field === 'event') event = value;
      else if (field === 'data') data.push(value);
    }
  };
}
