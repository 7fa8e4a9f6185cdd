import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { API, ask } from '../api.ts';
import { Age, Badge, Empty, Fact, Shown, Trouble } from '../bits.tsx';
import { duration, moment } from '../format.ts';
import { onEvent } from '../live.ts';
import { hrefOf } from '../place.ts';
import { useAct, useNow, useResource } from '../resource.ts';
import type { JobRow } from '../shapes.ts';
import { stateWord, text } from '../texts.ts';
import { DeadLetters } from './dead-letters.tsx';
import { useJobHistory } from './job-history.ts';
import { Bar } from './job-progress.tsx';
import { JobReplay } from './job-replay.tsx';

const STATUSES = ['queued', 'processing', 'delayed', 'completed', 'failed', 'cancelled'] as const;

interface JobPage {
  readonly jobs: readonly JobRow[];
  readonly next: { readonly cursor: string } | null;
}

/** The jobs, one of them, or those that failed for good. */
export function Jobs({ job }: { readonly job: string }): JSX.Element {
  if (job === 'dead-letters') return <DeadLetters />;
  return job === '' ? <JobList /> : <OneJob key={job} id={job} />;
}

function JobList(): JSX.Element {
  const [status, setStatus] = useState('');
  const [cursors, setCursors] = useState<readonly string[]>([]);
  const cursor = cursors.at(-1);
  const query = new URLSearchParams({ limit: '50' });
  if (status !== '') query.set('status', status);
  if (cursor !== undefined) query.set('cursor', cursor);
  const list = useResource<JobPage>(`${API}/jobs?${query}`, { everyMs: 5_000 });
  const { refresh } = list;
  useEffect(() => onEvent(({ topic }) => topic.startsWith('job.') && topic !== 'job.progress' && refresh()), [refresh]);
  return (
    <>
      <h1>{text.queueTitle}</h1>
      <fieldset class="row" aria-label={text.status}>
        {['', ...STATUSES].map((one) => (
          <button
            key={one}
            type="button"
            class={one === status ? 'chosen' : 'quiet'}
            aria-pressed={one === status}
            onClick={() => {
              setStatus(one);
              setCursors([]);
            }}
          >
            {one === '' ? text.all : stateWord(one)}
          </button>
        ))}
        <a href={hrefOf('jobs', 'dead-letters')}>{text.deadLetters}</a>
      </fieldset>
      <Shown of={list}>
        {({ jobs, next }) => (
          <>
            {jobs.length === 0 && <Empty title={status === '' ? text.noJobsYet : text.noJobs} />}
            <ul class="list">
              {jobs.map((job) => (
                <li key={job.jobId}>
                  <a href={hrefOf('jobs', job.jobId)}>
                    <code>{job.jobId}</code>
                  </a>{' '}
                  <Badge state={job.status} /> <span>{job.action}</span> <Channel params={job.params} />{' '}
                  <Bar progress={job.status === 'processing' ? job.progress : null} />{' '}
                  <span class="hint">
                    {job.accountId} · <Age at={Date.parse(job.createdAt)} />
                    {job.error && <> · {job.error.code}</>}
                  </span>
                </li>
              ))}
            </ul>
            <p class="row">
              {cursors.length > 0 && (
                <button type="button" class="quiet" onClick={() => setCursors([])}>
                  {text.newer}
                </button>
              )}
              {next !== null && (
                <button type="button" class="quiet" onClick={() => setCursors([...cursors, next.cursor])}>
                  {text.older}
                </button>
              )}
            </p>
          </>
        )}
      </Shown>
    </>
  );
}

/** Which channel a job is about, where it is about one. */
function Channel({ params }: { readonly params: unknown }): JSX.Element | null {
  const channel = (params as { readonly channelId?: unknown } | null)?.channelId;
  return channel === undefined ? null : <strong>{String(channel)}</strong>;
}

function OneJob({ id }: { readonly id: string }): JSX.Element {
  const path = `${API}/jobs/${encodeURIComponent(id)}`;
  const job = useResource<JobRow>(path, { everyMs: 1_000 });
  const history = useJobHistory(path);
  const act = useAct();
  const now = useNow();
  const post = (what: string): void =>
    act.run(async () => {
      await ask(`${path}/${what}`, { method: 'POST', body: {} });
      job.refresh();
      history.refresh();
    });
  return (
    <>
      <p>
        <a href={hrefOf('jobs')}>← {text.queueTitle}</a>
      </p>
      <h1>
        <code>{id}</code>
      </h1>
      <Shown of={job}>
        {(one) => (
          <>
            <p class="row">
              <Badge state={one.status} /> <Bar progress={one.progress} />
              {one.nextAttemptAt !== null && (
                <span>
                  {text.next} {text.in(duration(Date.parse(one.nextAttemptAt) - now))}
                </span>
              )}
            </p>
            {one.reason !== null && <p class="advice">{one.reason}</p>}
            {one.error && (
              <p class="trouble">
                {text.errorTitle}: {one.error.message} <code>{one.error.code}</code>
              </p>
            )}
            {act.error && <Trouble error={act.error} />}
            <p class="row">
              {['queued', 'processing', 'delayed'].includes(one.status) && (
                <button type="button" class="quiet" disabled={act.busy} onClick={() => post('cancel')}>
                  {text.cancelJob}
                </button>
              )}
              {['failed', 'cancelled'].includes(one.status) && (
                <button type="button" disabled={act.busy} onClick={() => post('retry')}>
                  {text.retryJob}
                </button>
              )}
            </p>
            <dl class="facts">
              <Fact name={text.action} value={one.action} />
              <Fact name={text.account} value={one.accountId} />
              <Fact name={text.created} value={moment(one.createdAt)} />
              <Fact name={text.updated} value={moment(one.updatedAt)} />
              <Fact name={text.attempts} value={String(one.attempts)} />
              <Fact name={text.params} value={JSON.stringify(one.params)} />
            </dl>
            {one.result !== null && one.result !== undefined && (
              <details>
                <summary>{text.result}</summary>
                <pre>{JSON.stringify(one.result, null, 2)}</pre>
              </details>
            )}
          </>
        )}
      </Shown>
      <h2>{text.history}</h2>
      <Shown of={history}>{(events) => <JobReplay events={events} />}</Shown>
    </>
  );
}
