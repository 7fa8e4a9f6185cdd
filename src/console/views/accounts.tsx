import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { API, ask } from '../api.ts';
import { Badge, Empty, Shown, Since, SureButton, Trouble, toneOf } from '../bits.tsx';
import { processHref, serverOf } from '../process-place.ts';
import { type Resource, useAct, useResource } from '../resource.ts';
import type { Health, ProcessRow } from '../shapes.ts';
import { text } from '../texts.ts';
import { LoginPanel } from './login-panel.tsx';

interface AccountRow {
  readonly id: string;
  readonly state: string;
  readonly since: string;
  readonly reason?: string;
}

/** The accounts, and how people log them in and out. */
export function Accounts({ health, account }: { readonly health: Resource<Health>; readonly account: string }): JSX.Element {
  const processes = useResource<{ readonly processes: readonly ProcessRow[] }>('api/processes', { everyMs: 10_000 });
  const list = useResource<{ readonly accounts: readonly AccountRow[] }>(`${API}/accounts`, { everyMs: 3_000 });
  return (
    <>
      <h1>{text.accountsTitle}</h1>
      <Shown of={list}>
        {({ accounts }) => (
          <>
            {accounts.length === 0 && <Empty title={text.noAccounts} />}
            <ul class="cards wide">
              {accounts.map((row) => (
                <AccountPanel
                  key={row.id}
                  account={row}
                  open={row.id === account}
                  server={serverOf(row.id, processes.value?.processes)}
                  {...evidenceOf(health.value, row.id)}
                  onChange={list.refresh}
                />
              ))}
            </ul>
          </>
        )}
      </Shown>
      <NewAccount onMade={list.refresh} />
    </>
  );
}

function evidenceOf(health: Health | undefined, id: string): { readonly gaps?: number } {
  const gaps = health?.accounts.find((one) => one.id === id)?.gaps;
  return gaps === undefined ? {} : { gaps };
}

function AccountPanel({
  account,
  open,
  server,
  gaps,
  onChange,
}: {
  readonly account: AccountRow;
  readonly open: boolean;
  /** The other process that serves it. */
  readonly server: string | undefined;
  readonly gaps?: number;
  readonly onChange: () => void;
}): JSX.Element {
  const { id, state, since, reason } = account;
  const [login, setLogin] = useState(open && state === 'reauth-required');
  const act = useAct();
  const path = `${API}/accounts/${encodeURIComponent(id)}`;
  return (
    <li class={`card ${toneOf(state)}`}>
      <h2>
        {id} <Badge state={state} /> <Since at={Date.parse(since)} />
      </h2>
      {reason !== undefined && <p>{reason}</p>}
      {text.advice[state] !== undefined && <p class="advice">{text.advice[state]}</p>}
      <p class="row">
        {gaps !== undefined && <span class="hint">{text.gaps(gaps)}</span>}
        <a href={processHref(server, `root/accounts/${id}/connection`)}>{text.chart}</a>
      </p>
      {act.error && <Trouble error={act.error} />}
      {login ? (
        <LoginPanel
          account={id}
          replace={state === 'authenticated'}
          onClose={() => {
            setLogin(false);
            onChange();
          }}
        />
      ) : (
        <p class="row">
          <button type="button" class={state === 'authenticated' ? 'quiet' : ''} onClick={() => setLogin(true)}>
            {state === 'authenticated' ? text.loginAgain : text.login}
          </button>
          {state === 'authenticated' && (
            <SureButton
              sure={text.logoutSure}
              disabled={act.busy}
              onSure={() =>
                act.run(async () => {
                  await ask(`${path}/logout`, { method: 'POST', body: {} });
                  onChange();
                })
              }
            >
              {text.logout}
            </SureButton>
          )}
          <SureButton
            sure={text.removeSure}
            disabled={act.busy}
            onSure={() =>
              act.run(async () => {
                await ask(path, { method: 'DELETE' });
                onChange();
              })
            }
          >
            {text.remove}
          </SureButton>
        </p>
      )}
    </li>
  );
}

function NewAccount({ onMade }: { readonly onMade: () => void }): JSX.Element {
  const [id, setId] = useState('');
  const act = useAct();
  return (
    <form
      class="card"
      onSubmit={(event) => {
        event.preventDefault();
        act.run(async () => {
          await ask(`${API}/accounts`, { method: 'POST', body: { id } });
          setId('');
          onMade();
        });
      }}
    >
      <h2>{text.newAccount}</h2>
      <label>
        {text.accountName}
        <input
          value={id}
          required
          pattern="[A-Za-z0-9_\-]{1,64}"
          title={text.accountNameHint}
          autocomplete="off"
          onInput={(event) => setId(event.currentTarget.value)}
        />
      </label>
      <p class="hint">{text.accountNameHint}</p>
      {act.error && <Trouble error={act.error} />}
      <button type="submit" disabled={act.busy}>
        {text.create}
      </button>
    </form>
  );
}
