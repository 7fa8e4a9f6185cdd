/** The scope that all accounts share: channels and supergroups. */
export const CHANNEL_SCOPE = 0;

/**
 * Whoever writes messages of channels holds the channels' rows first, in the order of their ids, and so nobody who holds one waits for another
 * who waits for it: not for its messages, not for its hours' counts, not for its row, which every change of them revises. Messages themselves are
 * not locked beforehand: in a compressed chunk of TimescaleDB they cannot be, and of several chunks two rows may have one ctid.
 * @param which condition on `channels.chat_id`
 * @returns the CTE `held`, for a statement whose `$1` is the scope
 */
export function holdChannels(which: string): string {
  return `held AS MATERIALIZED (
    SELECT chat_id FROM channels WHERE $1::int4 = ${CHANNEL_SCOPE} AND ${which} ORDER BY chat_id FOR NO KEY UPDATE
  )`;
}

/** A condition that is always true, and only once the channels are held; for an INSERT's SELECT. */
export const CHANNELS_HELD = '(SELECT count(*) FROM held) >= 0';

/**
 * The same for an UPDATE, whose FROM is this one row. A condition of its own that does not touch the table would make TimescaleDB refuse the statement on a
 * hypertable ("variable not found in subplan target list", 2.19).
 */
export const HOLDING = '(SELECT count(*) AS channels FROM held) AS holding';
export const IS_HELD = 'holding.channels >= 0';
