/**
 * Reads a machine's state as the gateway writes it: `authenticated(heartbeat.waiting, service.live)`.
 * @returns the paths of all states that are active, outer ones too: `authenticated`, `authenticated.heartbeat` …; '' is the machine itself
 */
export function activeStates(state: string): ReadonlySet<string> {
  const active = new Set<string>(['']);
  let at = 0;
  const path = (outer: string): void => {
    let name = '';
    while (at < state.length && !'(),'.includes(state[at] ?? '')) name += state[at++];
    const full = [outer, name.trim()].filter((part) => part !== '').join('.');
    full.split('.').forEach((_, index, parts) => {
      active.add(parts.slice(0, index + 1).join('.'));
    });
    if (state[at] !== '(') return;
    do {
      at++;
      path(full);
    } while (state[at] === ',');
    at++;
  };
  // A machine that is parallel itself has several.
  do {
    path('');
    at++;
  } while (at < state.length);
  return active;
}
