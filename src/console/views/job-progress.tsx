import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { API } from '../api.ts';
import { Badge, Loading, Trouble } from '../bits.tsx';
import { count } from '../format.ts';
import { hrefOf } from '../place.ts';
import { useResource } from '../resource.ts';
import type { JobRow } from '../shapes.ts';

const ENDED = new Set(['completed', 'failed', 'cancelled']);

/** A job from being asked for to its end, in a line. */
export function JobProgress({ id, onDone }: { readonly id: string; readonly onDone: () => void }): JSX.Element {
  const job = useResource<JobRow>(`${API}/jobs/${id}`, { everyMs: 1_000 });
  const ended = job.value !== undefined && ENDED.has(job.value.status);
  useEffect(() => {
    if (ended) onDone();
  }, [ended]);
  if (!job.value) return job.error ? <Trouble error={job.error} /> : <Loading />;
  const { status, reason, error } = job.value;
  return (
    <p class="row progress" role="status">
      <a href={hrefOf('jobs', id)}>
        <code>{id}</code>
      </a>{' '}
      <Badge state={status} /> <Bar progress={job.value.progress} />
      {error ? (
        <span>
          {error.message} <code>{error.code}</code>
        </span>
      ) : (
        reason
      )}
    </p>
  );
}

/** How far a job is. */
export function Bar({ progress }: { readonly progress: JobRow['progress'] }): JSX.Element | null {
  if (!progress) return null;
  const { done, total } = progress;
  return (
    <>
      {total === null ? (
        <progress aria-label={count(done)} />
      ) : (
        <progress aria-label={count(done)} max={Math.max(1, total)} value={done} />
      )}
      <span>{total === null ? count(done) : `${count(done)} / ${count(total)}`}</span>
    </>
  );
}
