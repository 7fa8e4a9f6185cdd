import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Caller } from './shapes.ts';

/** Who looks at the page, as the gateway knows him; undefined while that is not known. */
export const CallerContext = createContext<Caller | undefined>(undefined);

/** @returns whether who looks may do what only admins may */
export function useIsAdmin(): boolean {
  return useContext(CallerContext)?.scope === 'admin';
}
