import { readFileSync, writeFileSync } from 'node:fs';

const TITLE = `# Results

Written by \`npm run bench\`: each benchmark replaces its own section. \`bench/README.md\` says what is measured, and how.
`;

/** The sections, in the order in which they stand in the file. */
const ORDER = ['history', 'live', 'jobs', 'reads', 'store', 'accounts', 'soak', 'runtime', 'start'] as const;

/** A benchmark, and the section with its results. */
export type Section = (typeof ORDER)[number];

/** The major version of Node whose results stand under a benchmark's own name: the least that the program runs on. */
const LEAST_NODE = 20;

/** A section's name in the file: a benchmark, and on which Node it ran where that is a newer one. */
const nameOf = (section: Section, node: number): string => (node === LEAST_NODE ? section : `${section} on Node ${node}`);

const begin = (name: string): string => `<!-- ${name}: begin -->`;
const end = (name: string): string => `<!-- ${name}: end -->`;

/**
 * Puts a section's text into the results, in place of the one before; the others stay as they are. What ran on a newer Node stands behind what ran on the
 * least one, not in its place.
 * @param file the whole file as it is, empty where there is none
 * @param node the major version on which it ran
 */
export function withSection(file: string, section: Section, text: string, node: number): string {
  const nodes = [...file.matchAll(/^<!-- \w+ on Node (\d+): begin -->$/gm)].map(([, major]) => Number(major));
  const majors = [...new Set([LEAST_NODE, node, ...nodes])].sort((a, b) => a - b);
  const bodies = ORDER.flatMap((one) =>
    majors.flatMap((major) => {
      const name = nameOf(one, major);
      const body = one === section && major === node ? headed(text.trim(), major) : sectionOf(file, name);
      return body === undefined ? [] : [`${begin(name)}\n${body}\n${end(name)}\n`];
    }),
  );
  return [TITLE, ...bodies].join('\n');
}

function headed(text: string, node: number): string {
  return node === LEAST_NODE ? text : text.replace(/^## .*$/m, (heading) => `${heading}, on Node ${node}`);
}

function sectionOf(file: string, name: string): string | undefined {
  const from = file.indexOf(begin(name));
  const to = file.indexOf(end(name));
  return from < 0 || to < from ? undefined : file.slice(from + begin(name).length, to).trim();
}

/** Replaces a section of the file at the path with what ran on this Node. */
export function writeSection(path: string, section: Section, text: string): void {
  let file = '';
  try {
    file = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  writeFileSync(path, withSection(file, section, text, Number.parseInt(process.versions.node, 10)));
}
