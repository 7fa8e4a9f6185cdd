/** Events of one kind, as people read of them: Markdown whose links lead from `docs/`. */
export interface EventRow {
  /** As subscribers name them; `<channelId>` stands for a channel's id. */
  readonly topics: readonly string[];
  /** What they have beside what every event has; "the same" as the row above. */
  readonly fields: string;
  readonly when: string;
}

/**
 * Every event that subscribers hear. The page of the documentation and the table of `docs/events.md` are made of it; a test compares its topics with
 * `EVENT_TOPICS`, and its fields with what is told.
 */
export const EVENT_CATALOGUE: readonly EventRow[] = [
  {
    topics: ['message.new.<channelId>'],
    fields: '`channelId`, `message`, `pts`, `accountId`?',
    when: 'A message was stored for the first time: it was posted, or was posted while nobody listened and has been found. An old message that is edited and was not stored before is new too; its `editDate` says so.',
  },
  {
    topics: ['message.edited.<channelId>'],
    fields: '`channelId`, `message`, `pts`, `accountId`?',
    when: 'A stored message has changed. Of several changes that come at once only the last is told.',
  },
  {
    topics: ['message.deleted.<channelId>'],
    fields: '`channelId`, `ids: number[]`, `accountId`?',
    when: 'Stored messages were deleted.',
  },
  {
    topics: ['message.pinned.<channelId>'],
    fields: '`channelId`, `ids: number[]`, `pinned: boolean`, `pts`, `accountId`?',
    when: 'Stored messages were pinned, or are so no more.',
  },
  {
    topics: ['job.queued', 'job.processing', 'job.delayed', 'job.completed', 'job.failed', 'job.cancelled'],
    fields:
      '`jobId`, `action`, `accountId`, `status`, `attempts`, `progress: {done, total}|null`, `reason: string|null`, `error: {code, fault, message}|null`, `nextAttemptAt: string|null`',
    when: 'A job came to this status. That it was accepted is not told: whoever asked knows. Its result is at `GET …/jobs/:id`.',
  },
  {
    topics: ['job.progress'],
    fields: 'the same',
    when: 'It got on; told at most once a second for each job.',
  },
  {
    topics: ['account.connecting'],
    fields: '`accountId`, `state`, `since: string`, `code: string|null`, `reason: string|null`',
    when: "The account's connection has come to the state that the topic names; `code` and `reason` say which error led there, where one did. Here: it connects, for the first time, again, or with the session of a person who has just logged in.",
  },
  {
    topics: ['account.authenticated'],
    fields: 'the same',
    when: 'Telegram has confirmed the login: the account is in service, also after whatever is below.',
  },
  {
    topics: ['account.disconnected'],
    fields: 'the same',
    when: 'The connection was lost, or could not be made. Nobody needs to do anything.',
  },
  {
    topics: ['account.backoff'],
    fields: 'the same',
    when: 'It waits before it connects again.',
  },
  {
    topics: ['account.reauth-required'],
    fields: 'the same',
    when: 'A person has to log in: there is no session, it was logged out or revoked (`docs/login.md`).',
  },
  {
    topics: ['account.conflict'],
    fields: 'the same',
    when: 'Its session was used from two places, and Telegram has burnt it: a person has to log in.',
  },
  {
    topics: ['account.deactivated'],
    fields: 'the same',
    when: 'Telegram has closed the account: a login does not help.',
  },
  {
    topics: ['account.stopping'],
    fields: 'the same',
    when: 'Its worker stops serving it.',
  },
  {
    topics: ['account.limited'],
    fields: '`accountId`, `method`, `code`, `reason`',
    when: 'Telegram does not let the account do something any more (PEER_FLOOD, FROZEN_METHOD_INVALID): the first kind of call that it refused. `/health` names all of them, for as long as it lasts.',
  },
  {
    topics: ['gap.detected'],
    fields: '`accountId`, `box`, `channelId: number|null`, `reason`, `from: number`, `to: number|null`',
    when: "Updates were missed: of a channel, or of the account itself (`channelId` null). `from` and `to` are in the box's pts.",
  },
  {
    topics: ['gap.healed'],
    fields: 'the same, `count`, `ids: number[]`, `missing`',
    when: 'They were fetched: `count` messages changed by it, `ids` names some of them; `missing` were not to be had.',
  },
  {
    topics: ['act.done'],
    fields: '`actId`, `process`, `actor: string|null`, `act`, `event: string|null`, `outcome`, `code: string|null`, `by`',
    when: "Somebody restarted, stopped or resumed an actor, sent it an event, or purged or replayed dead letters (`actor` null then), and it is done ([acts](acts.md)). `by` is the caller's id, nothing of a token. Why, and from where, only the list of acts says.",
  },
  {
    topics: ['act.refused', 'act.failed', 'act.expired', 'act.unknown'],
    fields: 'the same',
    when: 'It was refused, failed (`code` says of what), was not taken in time by the process that it was asked of, or the process ended before it said what came of it.',
  },
  {
    topics: ['reset'],
    fields: '`requested: number|null`, `oldest: number`',
    when: 'Only to whoever came with an id that is not kept. `id` is where it goes on.',
  },
  {
    topics: ['closed'],
    fields:
      '`reason: slow|stopping|store-unavailable|token-revoked|token-expired`, `retryMs: number`, `id: number|null`, no `at`',
    when: 'Only at the end of a stream that this side ends. It has no `id:`, so that the one before stays.',
  },
];

/** @returns the catalogue as a table in Markdown */
export function eventTable(): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|');
  const rows = EVENT_CATALOGUE.map(
    ({ topics, fields, when }) => `| ${topics.map((topic) => `\`${topic}\``).join(', ')} | ${cell(fields)} | ${cell(when)} |`,
  );
  return ['| topic | fields | when |', '|---|---|---|', ...rows].join('\n');
}
