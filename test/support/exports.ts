import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Where real exports lie, if they do: they are not part of the project. */
export const EXPORTS = resolve(ROOT, process.env.VIGILIA_TEST_EXPORTS ?? '../shared/data/telegram-export');

/** True when tests may use them; with `VIGILIA_TEST_REQUIRE=all` their absence is an error of its own. */
export const haveExports = existsSync(EXPORTS) || process.env.VIGILIA_TEST_REQUIRE === 'all';

/** Names of the exported channels. */
export function exportedChannels(): string[] {
  return readdirSync(EXPORTS)
    .filter((file) => file.endsWith('.json'))
    .map((file) => basename(file, '.json'));
}

/** A message as the export has it, in the words of our API. */
export interface Expected {
  readonly id: number;
  readonly date: string;
  readonly text: string;
  readonly entities: readonly { type: string; offset: number; length: number; url?: string }[];
}

interface ExportFile {
  readonly messages: readonly {
    readonly id: number;
    readonly date_unixtime: string;
    readonly text_entities: readonly { readonly type: string; readonly text: string; readonly href?: string }[];
  }[];
}

const TYPES: Readonly<Record<string, string>> = { link: 'url', phone: 'phone_number', mention_name: 'text_mention' };

/** What the gateway has to give for a channel, newest first: read from the file independently of the simulator. */
export function expectedMessages(channel: string): Expected[] {
  const file = JSON.parse(readFileSync(join(EXPORTS, `${channel}.json`), 'utf8')) as ExportFile;
  return file.messages
    .map((message) => {
      const entities = [];
      let text = '';
      for (const { type, text: part, href } of message.text_entities) {
        const place = { type: TYPES[type] ?? type, offset: text.length, length: part.length };
        if (type !== 'plain') entities.push(href === undefined ? place : { ...place, url: href });
        text += part;
      }
      return { id: message.id, date: new Date(Number(message.date_unixtime) * 1000).toISOString(), text, entities };
    })
    .sort((a, b) => b.id - a.id);
}
