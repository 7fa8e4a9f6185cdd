/** Statuses of a job as they are told and shown: one that is parked is delayed, and its reason says why. */
const SHOWN_STATUSES = ['queued', 'processing', 'delayed', 'completed', 'failed', 'cancelled'] as const;
export type ShownStatus = (typeof SHOWN_STATUSES)[number];

/** States of an account's connection that are told. Those of a worker that does not serve the account are not: whoever does tells of its own. */
const TOLD_STATES = [
  'connecting',
  'authenticated',
  'disconnected',
  'backoff',
  'reauth-required',
  'deactivated',
  'conflict',
  'stopping',
] as const;
export type ToldState = (typeof TOLD_STATES)[number];

/** How what people did to actors ended. */
const ACT_ENDS = ['done', 'refused', 'failed', 'expired', 'unknown'] as const;
export type ActEnd = (typeof ACT_ENDS)[number];

/**
 * Everything that the world may be told of, by the first part of its topic: `docs/events.md` has the same list for people. Nothing else can be
 * written to the outbox, since its topics are of this type.
 */
export const EVENT_TOPICS = {
  message: ['new', 'edited', 'deleted', 'pinned'],
  job: [...SHOWN_STATUSES, 'progress'],
  account: [...TOLD_STATES, 'limited'],
  gap: ['detected', 'healed'],
  act: ACT_ENDS,
} as const;

type TopicOf<Group extends keyof typeof EVENT_TOPICS> = `${Group}.${(typeof EVENT_TOPICS)[Group][number]}`;

/** A topic of the catalogue. Those of `message` name the chat too (its marked id), so that one can listen to a single one. */
export type EventTopic =
  | `${TopicOf<'message'>}.${number}`
  | TopicOf<'job'>
  | TopicOf<'account'>
  | TopicOf<'gap'>
  | TopicOf<'act'>;

const TOLD: ReadonlySet<string> = new Set(TOLD_STATES);

/** @returns whether an account's coming to this state is told */
export function isToldState(state: string): state is ToldState {
  return TOLD.has(state);
}
