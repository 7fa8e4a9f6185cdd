import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { configTable, envExample } from '../../src/config-variables.ts';

const root = new URL('../../', import.meta.url);

describe('what is written of the variables', () => {
  it('is the table of the code in the README, between <!-- config --> and <!-- /config -->', () => {
    const readme = readFileSync(new URL('README.md', root), 'utf8');
    const section = /<!-- config -->\n([\s\S]*?)\n<!-- \/config -->/.exec(readme)?.[1];
    expect(section?.trim(), 'paste configTable() between the markers').toBe(configTable());
  });

  it('is .env.example, word for word (rewritten by vitest -u)', async () => {
    await expect(envExample()).toMatchFileSnapshot(new URL('.env.example', root).pathname);
  });
});
