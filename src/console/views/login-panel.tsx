import type { JSX } from 'preact';
import { useId, useState } from 'preact/hooks';
import { API, ask } from '../api.ts';
import { Loading, Trouble } from '../bits.tsx';
import { duration } from '../format.ts';
import { useAct, useNow, useResource } from '../resource.ts';
import type { LoginState } from '../shapes.ts';
import { text } from '../texts.ts';

const ENDED = new Set(['done', 'failed', 'cancelled']);

/** One account's login, from the choice of a way to its end. What a person types here goes into the body of one request, and nowhere else. */
export function LoginPanel({
  account,
  replace,
  onClose,
}: {
  readonly account: string;
  readonly replace: boolean;
  readonly onClose: () => void;
}): JSX.Element {
  const path = `${API}/accounts/${encodeURIComponent(account)}/login`;
  const login = useResource<LoginState>(path, { everyMs: 1_000 });
  const [begun, setBegun] = useState(false);
  const act = useAct();
  const send = (step: string, body: unknown): void =>
    act.run(async () => {
      await ask(`${path}${step}`, { method: 'POST', body });
      setBegun(true);
      login.refresh();
    });
  const at = login.value;
  // A login that ended before this panel was opened is no news.
  const running = at !== undefined && (begun || !ENDED.has(at.state));
  return (
    <section class="login" aria-live="polite">
      {act.error && <Trouble error={act.error} />}
      {!running && login.error?.status !== 0 && <Begin busy={act.busy} onBegin={(body) => send('', { ...body, replace })} />}
      {login.error?.status === 0 && <Trouble error={login.error} />}
      {running && <Step login={at} busy={act.busy} send={send} />}
      <p class="row">
        {running && !ENDED.has(at.state) ? (
          <button
            type="button"
            class="quiet"
            disabled={act.busy}
            onClick={() =>
              act.run(async () => {
                await ask(path, { method: 'DELETE' });
                onClose();
              })
            }
          >
            {text.cancel}
          </button>
        ) : (
          <button type="button" class="quiet" onClick={onClose}>
            {text.close}
          </button>
        )}
      </p>
    </section>
  );
}

function Begin({
  busy,
  onBegin,
}: {
  readonly busy: boolean;
  readonly onBegin: (body: { readonly method: 'code' | 'qr'; readonly phone?: string }) => void;
}): JSX.Element {
  const [phone, setPhone] = useState('');
  return (
    <div class="ways">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          onBegin({ method: 'code', phone });
        }}
      >
        <h3>{text.byCode}</h3>
        <label>
          {text.phone}
          <input type="tel" required autocomplete="tel" value={phone} onInput={(event) => setPhone(event.currentTarget.value)} />
        </label>
        <button type="submit" disabled={busy}>
          {text.sendCode}
        </button>
      </form>
      <div>
        <h3>{text.byQr}</h3>
        <p class="hint">{text.qrHow}</p>
        <button type="button" disabled={busy} onClick={() => onBegin({ method: 'qr' })}>
          {text.byQr}
        </button>
      </div>
    </div>
  );
}

function Step({
  login,
  busy,
  send,
}: {
  readonly login: LoginState;
  readonly busy: boolean;
  readonly send: (step: string, body: unknown) => void;
}): JSX.Element {
  const now = useNow();
  const { state, code, qr, waitUntil, triesLeft, error } = login;
  const waitMs = waitUntil === null ? 0 : Date.parse(waitUntil) - now;
  const resendMs = code?.resendAt ? Date.parse(code.resendAt) - now : 0;
  return (
    <>
      <h3>
        {text.loginStates[state] ?? state} {login.phone !== null && <span class="hint">{login.phone}</span>}
      </h3>
      {waitMs > 0 && <p class="advice">{text.floodUntil(duration(waitMs))}</p>}
      {error && (
        <p class="trouble" role="alert">
          {error.message} <code>{error.code}</code>
        </p>
      )}
      {triesLeft !== null && (state === 'awaiting-code' || state === 'awaiting-password') && (
        <p class="hint">{text.triesLeft(triesLeft)}</p>
      )}
      {state === 'awaiting-code' && (
        <>
          {code && <p class="hint">{text.codeVia(code.via)}</p>}
          <Secret label={text.code} kind="code" busy={busy} onGiven={(given) => send('/code', { code: given })} />
          {code?.nextVia && (
            <button type="button" class="quiet" disabled={busy || resendMs > 0} onClick={() => send('/resend', {})}>
              {resendMs > 0 ? text.resendIn(duration(resendMs)) : text.resend}
            </button>
          )}
        </>
      )}
      {state === 'awaiting-password' && (
        <>
          {login.passwordHint !== null && <p class="hint">{text.passwordHint(login.passwordHint)}</p>}
          <Secret label={text.password} kind="password" busy={busy} onGiven={(given) => send('/password', { password: given })} />
        </>
      )}
      {state === 'showing-qr' && !qr && <Loading />}
      {state === 'showing-qr' && qr && (
        <>
          <p>{text.qrHow}</p>
          <img class="qr" alt={text.byQr} src={`data:image/svg+xml;utf8,${encodeURIComponent(qr.svg)}`} />
          <p class="hint">{text.qrExpires(duration(Date.parse(qr.expiresAt) - now))}</p>
        </>
      )}
    </>
  );
}

function Secret({
  label,
  kind,
  busy,
  onGiven,
}: {
  readonly label: string;
  readonly kind: 'code' | 'password';
  readonly busy: boolean;
  readonly onGiven: (given: string) => void;
}): JSX.Element {
  const [given, setGiven] = useState('');
  const id = useId();
  return (
    <form
      class="row"
      onSubmit={(event) => {
        event.preventDefault();
        onGiven(given);
        setGiven('');
      }}
    >
      <label for={id}>{label}</label>
      {kind === 'password' ? (
        <input
          id={id}
          required
          type="password"
          autocomplete="off"
          value={given}
          onInput={(event) => setGiven(event.currentTarget.value)}
        />
      ) : (
        <input
          id={id}
          required
          type="text"
          inputMode="numeric"
          autocomplete="one-time-code"
          value={given}
          onInput={(event) => setGiven(event.currentTarget.value)}
        />
      )}
      <button type="submit" disabled={busy}>
        {text.enter}
      </button>
    </form>
  );
}
