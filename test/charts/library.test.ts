import { execFile } from 'node:child_process';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { MACHINES } from '../../src/charts/catalogue.ts';
import { openCharts } from '../../src/charts/library.ts';
import { buildGateway } from '../../src/http/server.ts';
import { ask } from '../support/ask.ts';
import { HttpHouse } from '../support/http-house.ts';
import { temporaryFolder } from '../support/program.ts';

/** What the build has drawn. */
const DRAWN = new URL('../../dist/charts/drawings/', import.meta.url);

describe('the charts of all machines', () => {
  it('are drawn by the build, each in the version that runs', async () => {
    const charts = openCharts(DRAWN);
    expect(charts.list().map(({ id }) => id)).toEqual(MACHINES.map(({ machine }) => machine.id));
    for (const chart of charts.list()) expect(await charts.svg(chart)).toContain(`data-version="${chart.version}"`);
  });

  // `npm run vigilia -- machines --svg docs/charts` writes them anew.
  it('are shown in the documents as they are', async () => {
    for (const { id } of openCharts(DRAWN).list()) {
      const shown = await readFile(new URL(`../../docs/charts/${id}.svg`, import.meta.url), 'utf8');
      expect(shown, id).toBe(await readFile(new URL(`${id}.svg`, DRAWN), 'utf8'));
    }
  });

  it('say that they have to be drawn where they are not, and find them once they are', async () => {
    const folder = await temporaryFolder(onTestFinished);
    const charts = openCharts(pathToFileURL(`${folder}/`));
    const [chart] = charts.list();
    if (!chart) throw new Error('there are no machines');
    await expect(charts.svg(chart)).rejects.toMatchObject({
      code: 'INTERNAL',
      message: expect.stringContaining('npm run build'),
    });
    const drawing = await readFile(new URL(`${chart.id}.svg`, DRAWN), 'utf8');
    await writeFile(join(folder, `${chart.id}.svg`), drawing.replace(chart.version, '000000000000'));
    await expect(charts.svg(chart)).rejects.toMatchObject({ message: expect.stringContaining('another version') });
    await copyFile(new URL(`${chart.id}.svg`, DRAWN), join(folder, `${chart.id}.svg`));
    expect(await charts.svg(chart)).toBe(drawing);
  });
});

describe('over HTTP', () => {
  it('the machines are listed, and each is there as data, as a drawing and as text', async () => {
    const app = buildGateway({ ...new HttpHouse().deps(), drawings: DRAWN });
    const get = (url: string) => ask(app, { method: 'GET', url });
    const list = await get('/api/machines');
    expect(list.body.machines[0]).toMatchObject({ id: 'connection', states: 24, purpose: expect.stringContaining('Telegram') });
    const data = await get('/api/machines/job');
    expect(data.body).toMatchObject({ id: 'job', root: { key: 'job' }, delays: {} });
    const drawing = await get('/api/machines/job?format=svg');
    expect(drawing.headers).toMatchObject({
      'content-type': 'image/svg+xml; charset=utf-8',
      'content-security-policy': expect.stringContaining("default-src 'none'"),
    });
    expect(drawing.text).toMatch(/^<svg .*data-machine="job"/);
    const text = await get('/api/machines/job?format=mermaid');
    expect(text.text).toContain('queued --> processing: CLAIM [isDue] / take');
    expect((await get('/api/machines/nothing')).status).toBe(404);
    expect((await get('/api/machines/job?format=pdf')).body.error).toMatchObject({ code: 'INVALID_REQUEST', field: 'format' });
    await app.close();
  });
});

const vigilia = (...args: string[]) =>
  promisify(execFile)(process.execPath, [fileURLToPath(new URL('../../dist/main.js', import.meta.url)), ...args]);

describe('vigilia machines', () => {
  it('lists them, and writes their drawings', async () => {
    const folder = join(await temporaryFolder(onTestFinished), 'charts');
    expect((await vigilia('machines')).stdout).toMatch(/^connection +One account/);
    const { stdout } = await vigilia('machines', '--svg', folder);
    expect(stdout.trim().split('\n')).toHaveLength(MACHINES.length);
    expect(await readFile(join(folder, 'job.svg'), 'utf8')).toBe(
      await readFile(fileURLToPath(new URL('job.svg', DRAWN)), 'utf8'),
    );
  });
});
