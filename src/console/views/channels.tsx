import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { API, ask } from '../api.ts';
import { Empty, Shown, Trouble } from '../bits.tsx';
import { ago, count } from '../format.ts';
import { onEvent } from '../live.ts';
import { hrefOf } from '../place.ts';
import { useAct, useNow, useResource } from '../resource.ts';
import type { ChannelRow } from '../shapes.ts';
import { text } from '../texts.ts';
import { JobProgress } from './job-progress.tsx';
import { Messages } from './messages.tsx';

interface ChannelPage {
  readonly channels: readonly ChannelRow[];
  readonly next: unknown;
}

/** The stored channels; one of them with its messages. */
export function Channels({ channel }: { readonly channel: string }): JSX.Element {
  return channel === '' ? <ChannelList /> : <OneChannel key={channel} id={channel} />;
}

function ChannelList(): JSX.Element {
  const list = useResource<ChannelPage>(`${API}/channels?limit=500`, { everyMs: 10_000 });
  const [search, setSearch] = useState('');
  const act = useAct();
  const [job, setJob] = useState('');
  const fits = ({ title, username }: ChannelRow): boolean =>
    `${title} ${username ?? ''}`.toLowerCase().includes(search.toLowerCase());
  const read = (): void =>
    act.run(async () => setJob((await ask<{ jobId: string }>(`${API}/get-channels`, { method: 'POST', body: {} })).jobId));
  return (
    <>
      <h1>{text.views.channels}</h1>
      <p class="row">
        <label>
          {text.search} <input type="search" value={search} onInput={(event) => setSearch(event.currentTarget.value)} />
        </label>
        <button type="button" class="quiet" disabled={act.busy} onClick={read}>
          {text.readChannels}
        </button>
      </p>
      {act.error && <Trouble error={act.error} />}
      {job !== '' && <JobProgress id={job} onDone={list.refresh} />}
      <Shown of={list}>
        {({ channels }) =>
          channels.length === 0 ? (
            <Empty title={text.noChannels}>
              <p>{text.noChannelsWhat}</p>
            </Empty>
          ) : (
            <ul class="list">
              {channels.filter(fits).map((channel) => (
                <li key={channel.id}>
                  <a href={hrefOf('channels', String(channel.id))}>
                    <strong>{channel.title}</strong> {channel.username !== null && <span class="hint">@{channel.username}</span>}
                  </a>
                  <SyncedAt channel={channel} />
                </li>
              ))}
            </ul>
          )
        }
      </Shown>
    </>
  );
}

function SyncedAt({ channel }: { readonly channel: ChannelRow }): JSX.Element {
  const now = useNow();
  return (
    <span class="hint">
      {channel.syncedAt === null ? text.neverSynced : text.synced(ago(now - Date.parse(channel.syncedAt)))}
      {channel.complete && <>, {text.complete}</>}
    </span>
  );
}

function OneChannel({ id }: { readonly id: string }): JSX.Element {
  const path = `${API}/channels/${encodeURIComponent(id)}`;
  const channel = useResource<ChannelRow>(path, { everyMs: 10_000 });
  const follow = useResource<{ readonly followed: Readonly<Record<string, boolean>> }>(`${path}/follow`);
  const [limit, setLimit] = useState(1000);
  const [job, setJob] = useState('');
  const act = useAct();
  const { refresh } = channel;
  useEffect(() => onEvent(({ channelId }) => String(channelId) === id && refresh()), [id, refresh]);
  const follows = Object.values(follow.value?.followed ?? {}).some(Boolean);
  const sync = (): void =>
    act.run(async () => {
      const body = { channelId: id, limit, force: true };
      setJob((await ask<{ jobId: string }>(`${API}/sync-messages`, { method: 'POST', body })).jobId);
    });
  const toggle = (): void =>
    act.run(async () => {
      await ask(`${path}/follow`, { method: follows ? 'DELETE' : 'PUT' });
      follow.refresh();
    });
  return (
    <>
      <p>
        <a href={hrefOf('channels')}>← {text.views.channels}</a>
      </p>
      <Shown of={channel}>
        {(one) => (
          <>
            <h1>
              {one.title} {one.username !== null && <span class="hint">@{one.username}</span>}
            </h1>
            <p class="row">
              {one.messages !== undefined && <span>{text.storedMessages(count(one.messages))}</span>}
              <SyncedAt channel={one} />
              {follow.value && (
                <span class={follows ? 'badge good' : 'badge idle'}>{follows ? text.followed : text.notFollowed}</span>
              )}
            </p>
          </>
        )}
      </Shown>
      <form
        class="row"
        onSubmit={(event) => {
          event.preventDefault();
          sync();
        }}
      >
        <label>
          {text.syncHow}{' '}
          <input
            type="number"
            min={1}
            max={1_000_000}
            value={limit}
            onInput={(event) => setLimit(Number(event.currentTarget.value))}
          />
        </label>
        <button type="submit" disabled={act.busy}>
          {text.sync}
        </button>
        <button type="button" class="quiet" disabled={act.busy || !follow.value} onClick={toggle}>
          {follows ? text.unfollow : text.follow}
        </button>
      </form>
      {act.error && <Trouble error={act.error} />}
      {job !== '' && <JobProgress key={job} id={job} onDone={channel.refresh} />}
      <Messages id={id} />
    </>
  );
}
