import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { API, ask } from '../api.ts';
import { Empty, Loading, Trouble } from '../bits.tsx';
import { count, moment } from '../format.ts';
import { onEvent } from '../live.ts';
import { useAct } from '../resource.ts';
import type { MessageRow } from '../shapes.ts';
import { text } from '../texts.ts';

interface MessagePage {
  readonly messages: readonly MessageRow[];
  readonly next: { readonly before?: number } | null;
}

/** How a message came to be shown. */
type Seen = MessageRow & { readonly fresh?: 'new' | 'edited'; readonly deleted?: true };

const PAGE = 50;

/** A channel's messages, newest first, kept current: what is posted, edited and deleted shows at once. */
export function Messages({ id }: { readonly id: string }): JSX.Element {
  const [search, setSearch] = useState('');
  const [asked, setAsked] = useState('');
  const [messages, setMessages] = useState<readonly Seen[]>();
  const [next, setNext] = useState<MessagePage['next']>(null);
  const act = useAct();
  const load = (before?: number): void =>
    act.run(async () => {
      const query = new URLSearchParams({ limit: String(PAGE) });
      if (before !== undefined) query.set('before', String(before));
      if (asked !== '') query.set('search', asked);
      const page = await ask<MessagePage>(`${API}/channels/${encodeURIComponent(id)}/messages?${query}`);
      setMessages((shown) => (before === undefined ? page.messages : [...(shown ?? []), ...page.messages]));
      setNext(page.next);
    });
  useEffect(() => load(), [id, asked]);
  useEffect(
    () =>
      onEvent(({ topic, channelId, message, ids }) => {
        if (String(channelId) !== id) return;
        if (topic.startsWith('message.deleted') && ids) {
          setMessages((shown) => shown?.map((one) => (ids.includes(one.id) ? { ...one, deleted: true } : one)));
        } else if (message && topic.startsWith('message.edited')) {
          setMessages((shown) => shown?.map((one) => (one.id === message.id ? { ...message, fresh: 'edited' } : one)));
        } else if (message && asked === '') {
          const fresh: Seen = { ...message, fresh: 'new' };
          setMessages((shown) => shown && [fresh, ...shown.filter((one) => one.id !== message.id)].sort((a, b) => b.id - a.id));
        }
      }),
    [id, asked],
  );
  return (
    <section>
      <search>
        <form
          class="row"
          onSubmit={(event) => {
            event.preventDefault();
            setAsked(search.trim());
          }}
        >
          <label>
            {text.searchMessages} <input type="search" value={search} onInput={(event) => setSearch(event.currentTarget.value)} />
          </label>
          <button type="submit" class="quiet">
            {text.search}
          </button>
        </form>
      </search>
      {act.error && <Trouble error={act.error} onRetry={() => load()} />}
      {messages === undefined && !act.error && <Loading />}
      {messages?.length === 0 && <Empty title={asked === '' ? text.noMessages : text.noMessagesFound} />}
      <ol class="messages">
        {messages?.map((message) => (
          <OneMessage key={message.id} message={message} />
        ))}
      </ol>
      {next?.before !== undefined && (
        <button type="button" class="quiet" disabled={act.busy} onClick={() => load(next.before)}>
          {text.older}
        </button>
      )}
    </section>
  );
}

function OneMessage({ message }: { readonly message: Seen }): JSX.Element {
  const { id, date, editDate, kind, media, views, fresh, deleted } = message;
  return (
    <li class={`message ${deleted ? 'deleted' : ''} ${fresh ? `fresh ${fresh}` : ''}`}>
      <p class="hint">
        <span>#{id}</span> <time dateTime={date}>{moment(date)}</time>
        {editDate !== null && <> · {text.edited(moment(editDate))}</>}
        {views !== null && <> · {text.viewsCount(count(views))}</>}
        {deleted && <span class="badge bad">{text.deletedOne}</span>}
      </p>
      <p class="text" dir="auto">
        {message.text || (kind === 'service' ? text.service : '')}
      </p>
      {media !== null && <span class="badge idle">{media}</span>}
    </li>
  );
}
