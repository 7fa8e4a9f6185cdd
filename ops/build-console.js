// Part of the build: bundles the page with its style. Names carry a hash of their content, so that a browser may keep them for ever.
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const source = new URL('../src/console/', import.meta.url);
const folder = new URL('../dist/console/', import.meta.url);
const hashOf = (text) => createHash('sha256').update(text).digest('hex').slice(0, 12);

const bundle = await rolldown({
  input: fileURLToPath(new URL('main.tsx', source)),
  platform: 'browser',
});
const { output } = await bundle.generate({ format: 'es', minify: true });
await bundle.close();
const script = output[0].code;

// A drawing brings the style of charts along; in the page it is the page's.
const drawing = await readFile(new URL('../dist/charts/drawings/job.svg', import.meta.url), 'utf8');
const style = `${await readFile(new URL('style.css', source), 'utf8')}\n${/<style>([\s\S]*?)<\/style>/.exec(drawing)[1]}`;

const names = { SCRIPT: `console-${hashOf(script)}.js`, STYLE: `console-${hashOf(style)}.css` };
const page = (await readFile(new URL('index.html', source), 'utf8')).replaceAll(/%(SCRIPT|STYLE)%/g, (_, what) => names[what]);

await mkdir(folder, { recursive: true });
const wanted = { 'index.html': page, [names.SCRIPT]: script, [names.STYLE]: style };
for (const [name, content] of Object.entries(wanted)) await writeFile(new URL(name, folder), content);
for (const name of await readdir(folder)) if (!(name in wanted)) await rm(new URL(name, folder), { force: true });
