import type { AddressInfo } from 'node:net';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Fastify from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { topicNames } from '../../src/actors/events/event-filter.ts';
import { answerOnce } from '../../src/http/answer-once.ts';
import type { App } from '../../src/http/app.ts';
import type { Callers } from '../../src/http/callers.ts';
import { addDocsRoutes } from '../../src/http/docs/docs-routes.ts';
import { schemaCompiler } from '../../src/http/schema-check.ts';
import { buildGateway, buildOps } from '../../src/http/server.ts';
import { ask } from '../support/ask.ts';
import { describeInBrowser, Viewer } from '../support/browser.ts';
import { HttpHouse } from '../support/http-house.ts';

const house = new HttpHouse();
const app = buildGateway(house.deps());

describe('GET /docs', () => {
  it('says of every event when it comes, and shows what the stream sends', async () => {
    const { text } = await ask(app, { url: '/docs' });
    for (const topic of [...topicNames(), 'reset', 'closed'])
      expect(text, topic).toMatch(new RegExp(`<dt>.*<code>${topic}[<.&]`));
    expect(text).toContain('event: message.new\ndata: {&quot;version&quot;:1,');
    for (const frame of ['reset', 'closed']) expect(text).toContain(`event: ${frame}\n`);
  });

  it('says what each field of an answer is, those within others too', async () => {
    const { text } = await ask(app, { url: '/docs' });
    const article = text.split('id="getChannelsIdMessages"')[1]?.split('</article>')[0] ?? '';
    expect(article).toContain('<code>messages[].entities[].type</code>');
    expect(article).toMatch(/<code>channel\.username<\/code>.*?<dd>Without @\.<\/dd>/s);
    // What holds its own kind is told once.
    expect(text).toContain('<code>children[].events.perSecond</code>');
  });

  it('never prints a command whose id somebody would take for one of theirs', async () => {
    const { text } = await ask(app, { url: '/docs' });
    expect(text).toContain('/jobs/JOB_ID/cancel');
    expect(text).toContain('<code>JOB_ID</code> stands for');
  });

  it('is made once, whatever Host is asked for, and each gets commands and a tag of its own', async () => {
    let looks = 0;
    const rows = app.routeTable.map((row) => ({
      ...row,
      get summary() {
        looks += 1;
        return row.summary;
      },
    }));
    const own: App = Fastify().withTypeProvider<TypeBoxTypeProvider>();
    own.setValidatorCompiler(schemaCompiler);
    const callers: { local: Callers['local'] } = { local: undefined };
    addDocsRoutes(own, rows, callers);
    answerOnce(own);
    const of = (host: string, headers = {}) => own.inject({ url: '/docs', headers: { host, ...headers } });
    const first = await of('one.example');
    const looked = looks;
    expect(looked).toBeGreaterThan(0);
    const other = await of("it's-<b>.example:81");
    expect(first.body).toContain('curl &#39;http://one.example/health&#39;');
    expect(first.body).toContain('--connect &#39;ws://one.example/api/telegram-gateway/ws&#39;');
    expect(other.body).toContain('curl &#39;http://it&#39;\\&#39;&#39;s-&lt;b&gt;.example:81/health&#39;');
    expect(other.body).not.toContain('one.example');
    expect(other.headers.etag).not.toBe(first.headers.etag);
    expect((await of('one.example', { 'if-none-match': first.headers.etag })).statusCode).toBe(304);
    expect(looks).toBe(looked);
    expect(first.body).toContain('X-Gateway-Token: $GATEWAY_TOKEN');
    // Its last token was taken away.
    callers.local = { id: 'local', scope: 'admin', by: 'local' };
    expect((await of('one.example')).body).not.toContain('X-Gateway-Token: $GATEWAY_TOKEN');
    expect(looks).toBe(2 * looked);
    await of('other.example');
    expect(looks).toBe(2 * looked);
  });

  it('has commands of the scheme that a trusted proxy was asked by', async () => {
    const behind = buildGateway(house.deps({ access: { trustedProxies: ['127.0.0.1'] } }));
    const { text } = await ask(behind, { url: '/docs', headers: { 'x-forwarded-proto': 'https' } });
    expect(text).toMatch(/curl &#39;https:\/\/localhost:4010\/health&#39;/);
    expect(text).toMatch(/--connect &#39;wss:\/\/localhost:4010\//);
    expect(text).not.toMatch(/(http|ws):\/\/localhost/);
  });

  it('of a worker speaks of nothing that is not there', async () => {
    const { text } = await ask(buildOps(house.deps()), { url: '/docs' });
    expect(text).toContain('/api/state');
    expect(text).not.toMatch(/Idempotency|jobId|message\.new|LOGIN_|telegram-gateway/);
  });
});

describeInBrowser('the page of the documentation', () => {
  let viewer: Viewer;
  beforeAll(async () => {
    await app.listen({ port: 0, host: '127.0.0.1' });
    const origin = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
    viewer = await Viewer.open(origin, { width: 390 });
    await viewer.page.goto(`${origin}/docs`);
  });
  afterAll(async () => {
    await viewer?.close();
    await app.close();
  });

  const search = async (words: string): Promise<string[]> => {
    await viewer.page.getByLabel('Search the routes').fill(words);
    return viewer.page.locator('article[id]:visible').evaluateAll((articles) => articles.map(({ id }) => id));
  };

  it('is as narrow as a telephone', async () => {
    const sizes = await viewer.page.evaluate(
      '(({ scrollWidth, clientWidth }) => [scrollWidth, clientWidth])(document.documentElement)',
    );
    expect(sizes).toEqual([390, 390]);
  });

  it('finds routes by what they take, say and answer, and what holds for all of them', async () => {
    expect(await search('topics')).toEqual(expect.arrayContaining(['getEvents', 'getWs']));
    expect(await search('priority')).toEqual(expect.arrayContaining(['postSyncMessages', 'postGetChannels']));
    expect(await search('search')).toContain('getChannelsIdMessages');
    expect(await search('participants')).toContain('getChannels');
    expect(await search('idempotency-key sync')).toContain('postSyncMessages');
    for (const [words, title] of [
      ['token', 'Tokens'],
      ['paging', 'Pages'],
    ] as const) {
      await search(words);
      await viewer.page.getByRole('heading', { name: title, exact: true }).waitFor();
    }
    expect(await search('poison')).toEqual([]);
    await viewer.page.locator('#JOB_POISON').waitFor();
    expect(await viewer.page.locator('#empty').isVisible()).toBe(false);
  });

  it('says that nothing fits where nothing does, and shows all again after it', async () => {
    expect(await search('no such words')).toEqual([]);
    await viewer.page.getByText('Nothing fits the search.').waitFor();
    expect(await viewer.page.locator('nav li:visible, section:visible').count()).toBe(0);
    expect((await search('')).length).toBe(app.routeTable.length);
    expect(await viewer.page.locator('#empty').isVisible()).toBe(false);
  });

  it('has no fault that hides it from anybody, and asks nobody else for anything', async () => {
    // Parts of each kind; all of it would take a while to look at.
    await search('events message.new');
    expect(await viewer.faults()).toEqual([]);
    expect(viewer.wrongs).toEqual([]);
  });
});
