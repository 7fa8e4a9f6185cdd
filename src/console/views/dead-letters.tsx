import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { API, ask } from '../api.ts';
import { Age, Empty, Shown, SureButton, Trouble } from '../bits.tsx';
import { hrefOf } from '../place.ts';
import { useAct, useResource } from '../resource.ts';
import type { JobRow } from '../shapes.ts';
import { text } from '../texts.ts';

/** Jobs that failed for good, and what one can do about them. */
export function DeadLetters(): JSX.Element {
  const [cursor, setCursor] = useState<string>();
  const query = new URLSearchParams({ limit: '50' });
  if (cursor !== undefined) query.set('cursor', cursor);
  const list = useResource<{ readonly deadLetters: readonly JobRow[]; readonly next: { readonly cursor: string } | null }>(
    `${API}/dead-letters?${query}`,
    {
      everyMs: 5_000,
    },
  );
  const act = useAct();
  const post = (path: string, body: unknown = {}, method: 'POST' | 'DELETE' = 'POST'): void =>
    act.run(async () => {
      await ask(`${API}/dead-letters${path}`, { method, ...(method === 'POST' ? { body } : {}) });
      list.refresh();
    });
  return (
    <>
      <p>
        <a href={hrefOf('jobs')}>← {text.queueTitle}</a>
      </p>
      <h1>{text.deadLetters}</h1>
      <p class="hint">{text.deadLettersWhat}</p>
      {act.error && <Trouble error={act.error} />}
      <Shown of={list}>
        {({ deadLetters, next }) =>
          deadLetters.length === 0 ? (
            <Empty title={text.noDeadLetters} />
          ) : (
            <>
              <p class="row">
                <SureButton sure={text.replaySure} disabled={act.busy} onSure={() => post('/replay', { all: true, limit: 1000 })}>
                  {text.replayAll}
                </SureButton>
              </p>
              <ul class="list">
                {deadLetters.map(({ jobId, action, accountId, error, updatedAt }) => (
                  <li key={jobId}>
                    <a href={hrefOf('jobs', jobId)}>
                      <code>{jobId}</code>
                    </a>{' '}
                    {action} <span class="hint">{accountId} · </span>
                    <Age at={Date.parse(updatedAt)} />
                    {error && (
                      <p class="trouble">
                        {error.message} <code>{error.code}</code>
                      </p>
                    )}
                    <span class="row">
                      <button type="button" disabled={act.busy} onClick={() => post(`/${jobId}/replay`)}>
                        {text.replay}
                      </button>
                      <SureButton sure={text.purgeSure} disabled={act.busy} onSure={() => post(`/${jobId}`, {}, 'DELETE')}>
                        {text.purge}
                      </SureButton>
                    </span>
                  </li>
                ))}
              </ul>
              {next !== null && (
                <button type="button" class="quiet" onClick={() => setCursor(next.cursor)}>
                  {text.older}
                </button>
              )}
            </>
          )
        }
      </Shown>
    </>
  );
}
