import type { AccountState } from './account-state.ts';
import type { ChannelBox } from './channel-box.ts';
import type { ServerState } from './server-state.ts';
import type { WorldChat } from './world.ts';

/** @throws Error in words for people when there is no such channel */
export function boxCalled(state: ServerState, username: string): ChannelBox {
  const wanted = String(username).replace(/^@/, '').toLowerCase();
  for (const box of state.boxes) if (box.world.username.toLowerCase() === wanted) return box;
  throw new Error(`there is no channel ${username}`);
}

/** @throws Error in words for people when there is no such account */
export function accountAt(state: ServerState, phone: string): AccountState {
  const account = state.account(String(phone).replace(/\D/g, ''));
  if (account === undefined) throw new Error(`there is no account ${phone}`);
  return account;
}

/** @throws Error in words for people when there is no such basic group */
export function groupCalled(state: ServerState, title: string): WorldChat {
  for (const group of state.groups) if (group.title === title) return group;
  throw new Error(`there is no group ${title}`);
}

/** @throws Error in words for people when there is nothing */
export function present<T>(found: T | undefined, what: string, messageId: number): T {
  if (found === undefined) throw new Error(`${what} has no message ${messageId}`);
  return found;
}
