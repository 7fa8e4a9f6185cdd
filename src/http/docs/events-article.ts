import { eventData, frameOf, typeOf } from '../../actors/events/told-event.ts';
import type { JsonObject } from '../../ports.ts';
import { POST } from './answers/channel-answers.ts';
import { EVENT_CATALOGUE } from './event-catalogue.ts';
import { type Html, html, marked } from './html.ts';

const AT = Date.parse('2026-01-31T11:58:20.097Z');

/** @returns which events there are, what each has, and how some look on the wire */
export function eventsArticle(): Html {
  return html`<div data-group><h3 id="events" class="sub">What there is to hear</h3>
<p>Topics of <a href="#getEvents">…/events</a> and <a href="#getWs">…/ws</a>. Every event has <code>version</code> (1), <code>id</code>, <code>topic</code> and <code>at</code> beside the fields here; ignore what you do not know.</p>
<article data-words="topics event events example frame stream sse id retry reset closed heartbeat last-event-id">
<h4>On the wire</h4>
<div class="block"><pre tabindex="0">${FRAMES}</pre></div>
<p class="notes">The stream begins with <code>retry:</code> and the <code>id:</code> from which on it tells. After 15 s of silence comes a comment, and <code>id:</code> where that has moved on. Over WebSocket each message is what stands behind <code>data:</code>.</p>
</article>
<article class="wide"><h4>Topics</h4><dl>${EVENT_CATALOGUE.map(({ topics, fields, when }, at) => {
    const own = fields.replace(/^the same/, `as ${typeNames(at)}`);
    return html`<div data-words="${[...topics, fields, when].join(' ').toLowerCase()}"><dt>${topics.map((topic) => html`<code>${topic}</code> `)}</dt><dd>${plain(when)}</dd><dd>${marked(own)}</dd></div>`;
  })}</dl></article></div>`;
}

/** The row above whose fields "the same" means. */
function typeNames(at: number): string {
  const above = EVENT_CATALOGUE.slice(0, at).findLast(({ fields }) => !fields.startsWith('the same'));
  return `\`${typeOf(above?.topics[0] ?? '')}\``;
}

/** Links of the folder of documents lead nowhere from here. */
function plain(text: string): Html {
  return marked(text.replaceAll(/\[([^\]]+)\]\([^)]+\)/g, '$1'));
}

function told(position: number, topic: string, payload: JsonObject): string {
  return frameOf(position, typeOf(topic), eventData({ position, topic, payload, at: AT }));
}

/** What the stream's own code makes of events that happened. */
const FRAMES = [
  'retry: 1000\nid: 41\n\n',
  told(42, `message.new.${POST.channelId}`, { channelId: POST.channelId, message: POST, pts: 502 }),
  told(43, 'job.completed', {
    jobId: 'sync-01M7XS8M139VJW9K3V9V0K',
    action: 'sync-messages',
    accountId: 'main',
    status: 'completed',
    attempts: 1,
    progress: { done: 200, total: 200 },
    reason: null,
    error: null,
    nextAttemptAt: null,
  }),
  frameOf(9_120, 'reset', { version: 1, id: 9_120, topic: 'reset', requested: 12, oldest: 4_031 }),
  frameOf(null, 'closed', { version: 1, id: 9_120, topic: 'closed', reason: 'stopping', retryMs: 1_000 }),
].join('');
