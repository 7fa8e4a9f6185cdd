import type { SessionShelf } from '../../../ports.ts';
import { DamagedEnvelope, rewrapEnvelope } from './envelope.ts';
import { describeGeneration, type Found, type GenerationOpener } from './generation-opener.ts';
import type { KeyRing } from './key-derivation.ts';
import type { VaultSecrets } from './session-secrets.ts';

/** What a rotation did. */
export interface Rotation {
  /** Generations that were sealed anew. */
  readonly sealed: number;
  /** Those that cannot be used anyway, and were left as they are. */
  readonly damaged: number;
  /** What none of the known keys opens, one line each: while there is any, no key is given up. */
  readonly unopened: readonly string[];
  /** Key files that were replaced or deleted. */
  readonly files: readonly string[];
}

interface RotationParts {
  readonly shelf: SessionShelf;
  readonly place: (accountId: string) => string;
  readonly secrets: VaultSecrets;
  readonly ring: KeyRing;
  readonly opener: GenerationOpener;
  /** Saves a session as the account's newest. */
  readonly append: (accountId: string, session: string) => Promise<unknown>;
}

/** Wraps every data key anew by the key that seals. What a crash interrupts, the next rotation ends: until then both keys open. */
export async function rotateKeys(parts: RotationParts): Promise<Rotation> {
  const tally = { sealed: 0, damaged: 0, unopened: [] as string[] };
  await parts.secrets.beginRotation();
  for (const accountId of await parts.shelf.sessionAccounts()) {
    const { generations } = await parts.shelf.sessionGenerations(accountId);
    for (const stored of generations) {
      const found = parts.opener.look(accountId, stored);
      const outcome = await (found.state === 'first-format' ? convert(parts, accountId, found) : rewrap(parts, accountId, found));
      if (outcome === 'sealed' || outcome === 'damaged') tally[outcome] += 1;
      else if (outcome !== 'as it was') tally.unopened.push(`${parts.place(accountId)}: ${outcome.unopened}`);
    }
  }
  const files = tally.unopened.length === 0 ? await parts.secrets.endRotation() : [];
  return { ...tally, files };
}

type Outcome = 'sealed' | 'damaged' | 'as it was' | { readonly unopened: string };

async function rewrap({ shelf, ring, opener }: RotationParts, accountId: string, found: Found): Promise<Outcome> {
  if (found.state !== 'sealed') return 'damaged';
  const { envelope, stored } = found;
  const from = await ring.opening(envelope.kdf, envelope.keyCheck);
  if (from === undefined) {
    const opened = await opener.open(accountId, stored);
    return { unopened: 'reason' in opened ? describeGeneration(opened) : 'its key was there a moment ago' };
  }
  const to = await ring.sealing();
  if (from.secret.text === to.secret.text) return 'as it was';
  try {
    return (await shelf.resealSession(accountId, stored, rewrapEnvelope(envelope, from, to))) ? 'sealed' : 'as it was';
  } catch (error) {
    if (error instanceof DamagedEnvelope) return 'damaged';
    throw error;
  }
}

/** A file of the first format that is still the newest becomes a generation; one that was overtaken is not needed any more. */
async function convert({ shelf, opener, append }: RotationParts, accountId: string, { stored }: Found): Promise<Outcome> {
  const opened = await opener.open(accountId, stored);
  if (opened.state !== 'open') return { unopened: describeGeneration(opened) };
  const { generations } = await shelf.sessionGenerations(accountId);
  if (!generations.some((other) => opener.look(accountId, other).state === 'sealed'))
    await append(accountId, opened.found.session);
  await shelf.dropSessions(accountId, [0]);
  return 'sealed';
}
