import type { Allowance, AllowanceAnswer } from '../ports.ts';

/** An answer, and the time to keep. */
export interface AllowanceStep {
  readonly answer: AllowanceAnswer;
  readonly fullAt: number;
}

/**
 * The generic cell rate algorithm (ITU-T I.371): all that is kept is one time, at which nothing would be used up any more.
 * @param fullAt what was kept; any time in the past where there is nothing
 * @param cost how often it shall be done; 0 asks only whether it might be done once
 */
export function useAllowance(fullAt: number, now: number, { most, periodMs }: Allowance, cost = 1): AllowanceStep {
  const stepMs = periodMs / most;
  const from = Math.max(fullAt, now);
  const overMs = from + stepMs * Math.max(cost, 1) - now - periodMs;
  // Sums of fractions of a millisecond do not come out even.
  const granted = overMs <= 1e-6;
  const next = granted ? from + stepMs * cost : from;
  return { answer: allowanceAnswer(granted, next - now, { most, periodMs }), fullAt: next };
}

/** @param fullAfterMs how long until all of it is there, after what was granted */
export function allowanceAnswer(granted: boolean, fullAfterMs: number, { most, periodMs }: Allowance): AllowanceAnswer {
  const stepMs = periodMs / most;
  return {
    granted,
    remaining: Math.max(0, Math.floor((periodMs - fullAfterMs) / stepMs + 1e-6)),
    retryAfterMs: granted ? 0 : Math.max(0, fullAfterMs + stepMs - periodMs),
    fullAfterMs: Math.max(0, fullAfterMs),
  };
}
