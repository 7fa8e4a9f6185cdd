import { requestHeaders } from './api.ts';
import { eventParser, type ServerEvent } from './event-parser.ts';

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
