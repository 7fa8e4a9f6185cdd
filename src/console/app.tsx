import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { onAnswers } from './api.ts';
import { Loading } from './bits.tsx';
import { CallerContext } from './caller.ts';
import { duration } from './format.ts';
import { useLiveView } from './live.ts';
import { hrefOf, type Place, VIEWS } from './place.ts';
import { type Resource, useNow, useResource } from './resource.ts';
import { usePlace } from './router.ts';
import { keepSessionToken, sessionToken } from './session-token.ts';
import type { Caller, Health } from './shapes.ts';
import { text } from './texts.ts';
import { TokenForm } from './token-form.tsx';
import { Accounts } from './views/accounts.tsx';
import { Channels } from './views/channels.tsx';
import { Jobs } from './views/jobs.tsx';
import { Overview } from './views/overview.tsx';
import { System } from './views/system.tsx';

/** How the whole page stands with the gateway. */
interface Standing {
  readonly unreachable: boolean;
  readonly locked: boolean;
}

export function App(): JSX.Element {
  const [standing, setStanding] = useState<Standing>({ unreachable: false, locked: false });
  const [token, setToken] = useState(sessionToken());
  useEffect(
    () =>
      onAnswers(({ reached, unauthorized }) =>
        setStanding((before) => {
          const next = { unreachable: !reached, locked: before.locked || unauthorized };
          return next.unreachable === before.unreachable && next.locked === before.locked ? before : next;
        }),
      ),
    [],
  );
  if (standing.locked) {
    return (
      <TokenForm
        wrong={token !== ''}
        onToken={(given) => {
          keepSessionToken(given);
          setToken(given);
          setStanding({ unreachable: false, locked: false });
        }}
      />
    );
  }
  const onForget = (): void => {
    keepSessionToken('');
    setToken('');
    location.reload();
  };
  return <Page key={token} unreachable={standing.unreachable} {...(token === '' ? {} : { onForget })} />;
}

function Page({ unreachable, onForget }: { readonly unreachable: boolean; readonly onForget?: () => void }): JSX.Element {
  const place = usePlace();
  const live = useLiveView();
  // Asked as what only a token may see, so that a gateway with tokens asks for one.
  const access = useResource<Caller>('api/caller');
  const health = useResource<Health>('health', { everyMs: 2_000, alsoFine: [503] });
  const now = useNow();
  useEffect(() => {
    document.title = `${text.views[place.view]} · ${text.title}`;
  }, [place.view]);
  return (
    <>
      <a class="skip" href="#content">
        {text.skip}
      </a>
      <header>
        <a class="brand" href={hrefOf('overview')}>
          <Mark health={health.value} /> {text.title}
        </a>
        <nav aria-label={text.title}>
          {VIEWS.map((view) => (
            <a key={view} href={hrefOf(view)} aria-current={view === place.view ? 'page' : undefined}>
              {text.views[view]}
            </a>
          ))}
        </nav>
        <span class={live.open ? 'live open' : 'live'} role="status">
          {live.open ? text.live : text.reconnecting(duration(Math.max(0, live.nextAt - now)))}
        </span>
        {onForget && (
          <button type="button" class="quiet" onClick={onForget}>
            {text.forgetToken}
          </button>
        )}
      </header>
      {health.value?.simulated && <p class="banner">{text.simulated}</p>}
      {unreachable && (
        <p class="banner bad" role="alert">
          <strong>{text.unreachable}</strong> {text.unreachableWhat}
        </p>
      )}
      <main id="content" tabIndex={-1}>
        {access.value === undefined && access.error === undefined ? (
          <Loading />
        ) : (
          <CallerContext.Provider value={access.value}>
            <Viewed place={place} health={health} live={live} />
          </CallerContext.Provider>
        )}
      </main>
    </>
  );
}

function Viewed({
  place,
  health,
  live,
}: {
  readonly place: Place;
  readonly health: Resource<Health>;
  readonly live: ReturnType<typeof useLiveView>;
}): JSX.Element {
  switch (place.view) {
    case 'overview':
      return <Overview health={health} live={live} />;
    case 'accounts':
      return <Accounts health={health} account={place.what} />;
    case 'channels':
      return <Channels channel={place.what} />;
    case 'jobs':
      return <Jobs job={place.what} />;
    case 'system':
      return <System what={place.what} />;
  }
}

/** The lamp by the name: what the overview says, in a colour. */
function Mark({ health }: { readonly health: Health | undefined }): JSX.Element {
  const tone = health === undefined ? 'idle' : { ok: 'good', degraded: 'busy', down: 'bad' }[health.status];
  return (
    <svg class={`lamp ${tone}`} viewBox="0 0 16 16" aria-hidden="true">
      <circle cx="8" cy="8" r="6.5" />
      <circle class="pupil" cx="8" cy="8" r="2.8" />
    </svg>
  );
}
