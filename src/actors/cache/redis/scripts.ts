// What is done in Redis at once. Every key belongs to an epoch, which is what a key of its own says: another epoch, and all that was kept is forgotten.
// A window's key is a hash: its epoch; the revision below which no window is taken (floor); and, where one is held, its revision, how many
// messages it has, and the window.

// Redis may forget the epoch for want of memory. Then another one begins, never none: what was read in no epoch could be put into any.
const EPOCH = `
  local epoch = redis.call('GET', KEYS[1])
  if not epoch then
    epoch = ARGV[1]
    redis.call('SET', KEYS[1], epoch)
  end`;

/**
 * KEYS: epoch, windows. ARGV: an epoch to begin where there is none; for each window the epoch and the version of it that the caller has, or nothing.
 * @returns the epoch, and for each window: [] where there is none, [version] where that is the caller's own, else [version, window]
 */
export const GET_WINDOWS = `${EPOCH}
  local told = { epoch }
  for at = 2, #KEYS do
    local held = redis.pcall('HMGET', KEYS[at], 'epoch', 'revision', 'depth')
    if held.err or held[1] ~= epoch or not held[2] then
      told[at] = {}
    else
      local version = held[2] .. ':' .. (held[3] or '')
      local same = epoch == ARGV[2 * at - 2] and version == ARGV[2 * at - 1]
      told[at] = same and { version } or { version, redis.call('HGET', KEYS[at], 'window') }
    end
  end
  return told`;

/** KEYS: epoch, names. ARGV: an epoch to begin where there is none. @returns [epoch, chat id or nil] */
export const GET_NAME = `${EPOCH}
  return { epoch, redis.call('GET', KEYS[2]) }`;

/**
 * KEYS: epoch, window, and the name's where it has one. ARGV: an epoch to begin where there is none, revision, window, ms to live, the epoch it was
 * read in, chat id, number of messages, 1 where it lives no longer than the one before. @returns the epoch
 */
export const PUT_WINDOW = `${EPOCH}
  if epoch ~= ARGV[5] then return epoch end
  local held = redis.call('HMGET', KEYS[2], 'epoch', 'floor', 'revision', 'depth')
  local revision = tonumber(ARGV[2])
  if held[1] == epoch then
    if held[3] then
      if revision < tonumber(held[3]) then return epoch end
      if revision == tonumber(held[3]) and tonumber(ARGV[7]) <= tonumber(held[4] or ARGV[7]) then return epoch end
    elseif revision < tonumber(held[2]) then
      return epoch
    end
  end
  local left = held[1] == epoch and held[3] and ARGV[8] == '1' and redis.call('PTTL', KEYS[2]) or 0
  local life = left > 0 and left or ARGV[4]
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[2], 'epoch', epoch, 'floor', ARGV[2], 'revision', ARGV[2], 'depth', ARGV[7], 'window', ARGV[3])
  redis.call('PEXPIRE', KEYS[2], life)
  if KEYS[3] then redis.call('SET', KEYS[3], ARGV[6], 'PX', life) end
  return epoch`;

/** KEYS: epoch, window. ARGV: an epoch to begin where there is none, revision, ms to live. @returns the epoch */
export const DROP_WINDOW = `${EPOCH}
  local held = redis.call('HMGET', KEYS[2], 'epoch', 'floor', 'revision')
  local floor = tonumber(ARGV[2])
  if held[1] == epoch then
    if held[3] and tonumber(held[3]) >= floor then return epoch end
    floor = math.max(floor, tonumber(held[2]))
  end
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[2], 'epoch', epoch, 'floor', string.format('%.0f', floor))
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
  return epoch`;

/**
 * What `machines/allowance.ts` does. Redis has the time, so that the clocks of the gateways need not agree.
 * KEYS: when the allowance is whole again. ARGV: how much it is, its period in ms, how much of it to use. @returns [granted, ms until it is whole]
 */
export const USE_ALLOWANCE = `
  local time = redis.call('TIME')
  local now = time[1] * 1000 + time[2] / 1000
  local period, cost = tonumber(ARGV[2]), tonumber(ARGV[3])
  local step = period / tonumber(ARGV[1])
  local from = math.max(now, tonumber(redis.call('GET', KEYS[1]) or '0'))
  if from + step * math.max(cost, 1) - now - period > 0.001 then return { 0, string.format('%.3f', from - now) } end
  local full = from + step * cost
  if cost > 0 then redis.call('SET', KEYS[1], string.format('%.3f', full), 'PX', math.ceil(full - now)) end
  return { 1, string.format('%.3f', full - now) }`;
