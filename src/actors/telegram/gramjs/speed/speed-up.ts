import { createRequire } from 'node:module';
import type { Log } from '../../../../log.ts';
import { aesIgePart } from './aes-ige.ts';
import { byteStringsPart } from './byte-strings.ts';
import { crc32Part } from './crc32.ts';
import { gunzipPart } from './gunzip.ts';
import { historyPart } from './history-reader.ts';
import { int64Part } from './int64.ts';
import { objectsPart } from './objects.ts';
import type { SpeedPart, SpeedPartName } from './speed-part.ts';

/** The one version whose insides these parts know. */
const GRAMJS_VERSION = '2.26.22';

/** What of GramJS runs faster in this process, and what does not and why. */
export interface SpeedReport {
  readonly running: readonly SpeedPartName[];
  readonly aside: readonly { readonly part: SpeedPartName; readonly reason: string }[];
}

let report: SpeedReport | undefined;

/**
 * Replaces GramJS's slow parts in place, for the whole process. The first call does it, the others say what it did.
 * Each part first proves itself on known inputs; one whose original is not what we expect steps aside with a warning,
 * and GramJS's own goes on working (decision 9).
 */
export function speedUp(log: Log): SpeedReport {
  report ??= install(
    [int64Part(), byteStringsPart(), objectsPart(), aesIgePart(), gunzipPart(), crc32Part(), historyPart()],
    installedVersion(),
    log,
  );
  return report;
}

/**
 * Installs the parts that prove themselves.
 * @param version of the GramJS that is there
 */
export function install(parts: readonly SpeedPart[], version: string, log: Log): SpeedReport {
  const running: SpeedPartName[] = [];
  const aside: { part: SpeedPartName; reason: string }[] = [];
  for (const part of parts) {
    try {
      if (version !== GRAMJS_VERSION) throw new Error(`GramJS is ${version}, and not ${GRAMJS_VERSION}`);
      part.check();
      part.install();
      running.push(part.name);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      aside.push({ part: part.name, reason });
      log.warn({ part: part.name, reason }, 'gramjs: a faster part steps aside; everything works, slower');
    }
  }
  log.debug({ running }, 'gramjs: faster parts in place');
  return { running, aside };
}

function installedVersion(): string {
  return (createRequire(import.meta.url)('telegram/package.json') as { readonly version: string }).version;
}
