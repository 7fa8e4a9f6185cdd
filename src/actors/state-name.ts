/** @returns a machine's state value as a path: `authenticated(heartbeat.waiting, service.live)` */
export function stateName(value: unknown): string {
  if (typeof value === 'string') return value;
  const parts = Object.entries(value as Record<string, unknown>).map(([key, inner]) => {
    const below = stateName(inner);
    return typeof inner === 'object' && Object.keys(inner as object).length > 1 ? `${key}(${below})` : `${key}.${below}`;
  });
  return parts.join(', ');
}

/** @returns the outermost of a state value's names; that of the first region where the machine itself is parallel */
export function topState(value: unknown): string | undefined {
  return typeof value === 'object' && value !== null ? Object.keys(value)[0] : (value as string | undefined);
}
