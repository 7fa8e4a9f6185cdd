import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { API } from '../api.ts';
import { Badge, Empty, Shown, Since, toneOf } from '../bits.tsx';
import { ago, clockTime, count, duration } from '../format.ts';
import { type LiveView, SLICE_MINUTES } from '../live.ts';
import { hrefOf } from '../place.ts';
import { Figure } from '../plot.tsx';
import { processHref, serverOf } from '../process-place.ts';
import { type Resource, useResource } from '../resource.ts';
import type { AccountEvidence, DependencyEvidence, Health, ProcessRow, ToldEvent } from '../shapes.ts';
import { stateWord, text } from '../texts.ts';
import { ProcessesCard } from './processes.tsx';

interface QueueStats {
  readonly waiting: number;
  readonly active: number;
  readonly completed: number;
  readonly failed: number;
  readonly delayed: number;
}

/** Is Telegram served; if not, what is stuck, since when, why, and what to do. */
export function Overview({ health, live }: { readonly health: Resource<Health>; readonly live: LiveView }): JSX.Element {
  const processes = useResource<{ readonly processes: readonly ProcessRow[] }>('api/processes', { everyMs: 5_000 });
  const queue = useResource<QueueStats>(`${API}/queue/stats`, { everyMs: 5_000 });
  const latencies = useSamples(health.value?.dependencies.store?.latencyMs, health.at);
  const waits = useSamples(queue.value && queue.value.waiting + queue.value.delayed, queue.at);
  return (
    <Shown of={health}>
      {(report) => (
        <>
          <Verdict report={report} />
          <section class="plots" aria-label={text.activity}>
            <Figure
              title={text.messagesPerMinute}
              value={count(Math.round((live.messages.at(-1) ?? 0) / SLICE_MINUTES))}
              values={live.messages}
            />
            <Figure
              title={text.waitingJobs}
              value={queue.value ? count(queue.value.waiting + queue.value.delayed) : '–'}
              values={waits}
            />
            <Figure title={text.storeLatency} value={`${report.dependencies.store?.latencyMs ?? '–'} ms`} values={latencies} />
          </section>
          <div class="columns">
            <section>
              <h2>{text.accountsTitle}</h2>
              {report.accounts.length === 0 && <Empty title={text.noAccounts} />}
              <ul class="cards">
                {report.accounts.map((account) => (
                  <AccountCard key={account.id} account={account} server={serverOf(account.id, processes.value?.processes)} />
                ))}
              </ul>
              <h2>{text.dependencies}</h2>
              <ul class="cards small">
                {Object.entries(report.dependencies).map(([name, evidence]) => (
                  <DependencyCard key={name} name={name} evidence={evidence} />
                ))}
                <ProcessesCard processes={processes.value?.processes ?? []} />
              </ul>
              {report.notes.length > 0 && (
                <details>
                  <summary>{text.notes}</summary>
                  <ul class="notes">
                    {report.notes.map((note) => (
                      <li key={note}>{note}</li>
                    ))}
                  </ul>
                </details>
              )}
            </section>
            <section>
              <h2>{text.activity}</h2>
              {live.recent.length === 0 ? <p class="hint">{text.activityEmpty}</p> : <Activity events={live.recent} />}
            </section>
          </div>
          <p class="foot">
            {text.version} {report.version} · {text.role} {report.role} · {text.uptime} {duration(report.uptimeMs)} ·{' '}
            <a href="docs">{text.apiDocs}</a>
          </p>
        </>
      )}
    </Shown>
  );
}

function Verdict({ report }: { readonly report: Health }): JSX.Element {
  const served = report.accounts.filter(({ state }) => state === 'authenticated').length;
  const all = report.accounts.length;
  const word = { ok: text.served, degraded: text.servedPartly, down: text.notServed }[report.status];
  const tone = { ok: 'good', degraded: 'busy', down: 'bad' }[report.status];
  const stuck = report.accounts.filter(({ state }) => state !== 'authenticated');
  const down = Object.entries(report.dependencies).filter(([, { state }]) => state !== 'up');
  return (
    <section class={`verdict ${tone}`} aria-live="polite">
      <h1>{word}</h1>
      <p>{text.servedAccounts(served, all)}</p>
      {(stuck.length > 0 || down.length > 0) && (
        <ul>
          {stuck.map((account) => (
            <li key={account.id}>
              <a href={hrefOf('accounts', account.id)}>{account.id}</a> {stateWord(account.state)} <Since at={account.since} />
              {account.reason !== undefined && <>: {account.reason}</>}
              {text.advice[account.state] !== undefined && <p class="advice">{text.advice[account.state]}</p>}
            </li>
          ))}
          {down.map(([name, { state, since, reason }]) => (
            <li key={name}>
              {text.dependency[name] ?? name} {stateWord(state)} <Since at={since} />
              {reason !== undefined && <>: {reason}</>}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function AccountCard({
  account,
  server,
}: {
  readonly account: AccountEvidence;
  readonly server: string | undefined;
}): JSX.Element {
  const missing = Object.values(account.gapCounts ?? {}).reduce((sum, { missing }) => sum + missing, 0);
  return (
    <li class={`card ${toneOf(account.state)}`}>
      <h3>
        <a href={hrefOf('accounts', account.id)}>{account.id}</a> <Badge state={account.state} />
      </h3>
      <dl>
        <Fact name={text.status}>
          <Since at={account.since} />
        </Fact>
        {account.lastPongAgeMs !== null && <Fact name={text.lastPong}>{ago(account.lastPongAgeMs)}</Fact>}
        {account.lastUpdateAgeMs !== null && <Fact name={text.lastUpdate}>{ago(account.lastUpdateAgeMs)}</Fact>}
      </dl>
      <p class="hint">
        {text.gaps(account.gaps)}
        {missing > 0 && <>, {text.missing(missing)}</>} ·{' '}
        <a href={processHref(server, `root/accounts/${account.id}/connection`)}>{text.chart}</a>
      </p>
    </li>
  );
}

function DependencyCard({ name, evidence }: { readonly name: string; readonly evidence: DependencyEvidence }): JSX.Element {
  return (
    <li class={`card ${toneOf(evidence.state)}`}>
      <h3>
        {text.dependency[name] ?? name} <Badge state={evidence.state} />
      </h3>
      <p class="hint">
        {evidence.kind}, <Since at={evidence.since} />
        {evidence.lastAnswerAgeMs !== undefined && (
          <>
            , {text.lastAnswer} {ago(evidence.lastAnswerAgeMs)}
          </>
        )}
      </p>
      {evidence.reason !== undefined && <p class="advice">{evidence.reason}</p>}
    </li>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: JSX.Element | string }): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Activity({ events }: { readonly events: readonly ToldEvent[] }): JSX.Element {
  return (
    <ol class="activity">
      {events.map((event) => (
        <li key={event.id}>
          <time dateTime={event.at}>{clockTime(event.at)}</time> <code>{event.topic.split('.').slice(0, 2).join('.')}</code>{' '}
          <What event={event} />
        </li>
      ))}
    </ol>
  );
}

/** What an event says, in a line. */
function What({ event }: { readonly event: ToldEvent }): JSX.Element {
  if (event.channelId !== undefined && event.channelId !== null && event.message)
    return (
      <a href={hrefOf('channels', String(event.channelId))}>
        {event.message.text.slice(0, 140) || event.message.media || text.service}
      </a>
    );
  if (event.jobId !== undefined) return <a href={hrefOf('jobs', event.jobId)}>{event.jobId}</a>;
  if (event.ids) return <a href={hrefOf('channels', String(event.channelId))}>{event.ids.join(', ')}</a>;
  return <>{String(event.accountId ?? '')}</>;
}

/** @returns the last values of something, one for each time that it was told */
function useSamples(value: number | undefined, at: number): readonly (number | null)[] {
  const [samples, setSamples] = useState<readonly (number | null)[]>([]);
  useEffect(() => {
    if (at > 0) setSamples((before) => [...before.slice(-59), value ?? null]);
  }, [at]);
  return samples;
}
