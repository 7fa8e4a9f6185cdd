import { readFileSync, writeFileSync } from 'node:fs';

const TITLE = `# Results

Written by \`npm run bench\`: each benchmark replaces its own section. \`bench/README.md\` says what is measured, and how.
`;

/** The sections, in the order in which they stand in the file. */
const ORDER = ['history', 'live', 'jobs', 'reads', 'store', 'accounts', 'soak', 'runtime', 'start'] as const;

/** A benchmark, and the section with its results. */
export type Section = (typeof ORDER)[number];

const begin = (section: Section): string => `<!-- ${section}: begin -->`;
const end = (section: Section): string => `<!-- ${section}: end -->`;

/**
 * Puts a section's text into the results, in place of the one before; the others stay as they are.
 * @param file the whole file as it is, empty where there is none
 */
export function withSection(file: string, section: Section, text: string): string {
  const parts = ORDER.map((name) => (name === section ? text.trim() : sectionOf(file, name)) ?? '');
  const bodies = ORDER.flatMap((name, index) => (parts[index] === '' ? [] : [`${begin(name)}\n${parts[index]}\n${end(name)}\n`]));
  return [TITLE, ...bodies].join('\n');
}

function sectionOf(file: string, section: Section): string | undefined {
  const from = file.indexOf(begin(section));
  const to = file.indexOf(end(section));
  return from < 0 || to < from ? undefined : file.slice(from + begin(section).length, to).trim();
}

/** Replaces a section of the file at the path. */
export function writeSection(path: string, section: Section, text: string): void {
  let file = '';
  try {
    file = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  writeFileSync(path, withSection(file, section, text));
}
