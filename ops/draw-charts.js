// Part of the build: draws every state chart, so that the running program has none to lay out. What was drawn of the same code is not drawn again.
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';

const dist = new URL('../dist/', import.meta.url);
const folder = new URL('charts/drawings/', dist);
const elkjs = JSON.parse(await readFile(new URL('../node_modules/elkjs/package.json', import.meta.url), 'utf8'));

const hash = createHash('sha256').update(elkjs.version);
for (const part of ['charts/', 'machines/']) {
  const names = (await readdir(new URL(part, dist))).filter((name) => name.endsWith('.js')).sort();
  for (const name of names) hash.update(name).update(await readFile(new URL(part + name, dist)));
}
const stamp = hash.digest('hex');
const before = await readFile(new URL('stamp', folder), 'utf8').catch(() => '');

if (before !== stamp) {
  const [{ default: ELK }, { drawAll }] = await Promise.all([
    import('elkjs/lib/elk.bundled.js'),
    import(new URL('charts/draw-all.js', dist).href),
  ]);
  await mkdir(folder, { recursive: true });
  await rm(new URL('stamp', folder), { force: true });
  for (const [id, svg] of [...(await drawAll(new ELK())), ['stamp', stamp]]) {
    const name = id === 'stamp' ? id : `${id}.svg`;
    const unfinished = new URL(`${name}.${process.pid}`, folder);
    await writeFile(unfinished, svg);
    await rename(unfinished, new URL(name, folder));
  }
}
