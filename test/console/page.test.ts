import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { PLAIN, SAFE } from '../login/login-house.ts';
import { ProgramHouse } from '../login/program-house.ts';
import { describeInBrowser, Viewer } from '../support/browser.ts';
import type { Program } from '../support/program.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/** What follows is the life of an installation in order, as somebody sees it who has nothing but the page. */
describeInBrowser('the page', () => {
  let house: ProgramHouse;
  let program: Program;
  let viewer: Viewer;
  const closing: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    house = await ProgramHouse.open((close) => closing.push(close));
    program = await house.start();
    viewer = await Viewer.open(program.url);
    closing.push(() => viewer.close());
    await viewer.page.goto(`${program.url}/`);
  });
  afterAll(async () => {
    for (const close of closing.reverse()) await close();
  });

  const go = async (hash: string): Promise<void> => void (await viewer.page.goto(`${program.url}/${hash}`));
  const sees = (text: string | RegExp): Promise<void> => viewer.page.getByText(text).first().waitFor();
  const button = (name: string) => viewer.page.getByRole('button', { name, exact: true });
  /** It looks right to those who see it otherwise, and nothing went wrong on the way. */
  const isSound = async (name: string): Promise<void> => {
    await viewer.picture(name);
    expect(await viewer.faults()).toEqual([]);
    expect(viewer.wrongs).toEqual([]);
  };

  it('says at once that Telegram is not served, why, and what to do', async () => {
    await sees('Telegram is not served.');
    await sees(/has to be logged in/);
    await sees(/Log the account in: it has no valid session/);
    await isSound('1-not-served');
  });

  it('logs an account in by code and password, and shows that it is served then', async () => {
    await go('#/accounts/main');
    await viewer.page.getByLabel('Phone number, with country code').fill(`+${SAFE.phone}`);
    await button('Send the code').click();
    await viewer.page.getByLabel('Code', { exact: true }).fill('98769187');
    await button('Enter').click();
    await sees('4 tries left');
    await viewer.page.getByLabel('Code', { exact: true }).fill(SAFE.code);
    await button('Enter').click();
    await sees(`Hint: ${SAFE.hint}`);
    await isSound('2-password');
    await viewer.page.getByLabel('Password', { exact: true }).fill(SAFE.password);
    await button('Enter').click();
    await sees('Logged in.');
    await button('Close').click();
    await go('#/overview');
    await sees('Telegram is served.');
    await isSound('3-served');
    expect(await viewer.page.content()).not.toContain(SAFE.code);
    expect(viewer.page.url()).not.toMatch(/password|code=/);
  });

  it('makes an account, and logs it in by QR code', async () => {
    await go('#/accounts');
    await viewer.page.getByLabel('What it is called here').fill('second');
    await button('Create').click();
    const second = viewer.page.locator('li.card', { hasText: 'second' });
    await second.getByRole('button', { name: 'Log in', exact: true }).click();
    await second.getByRole('button', { name: 'By QR code' }).click();
    await second.getByRole('img', { name: 'By QR code' }).waitFor();
    await isSound('4-qr');
    const shown = await house.login(program, 'GET', '', undefined, 'second');
    const token = shown.body.qr?.url.split('token=')[1] ?? '';
    await house.control.tell('acceptToken', { phone: PLAIN.phone, token });
    await second.getByText('Logged in.').waitFor();
    await second.getByRole('button', { name: 'Close' }).click();
    await second.getByText('connected').waitFor();
  });

  it('reads a channel’s history, shows how far it is to its end, and what is posted, edited and deleted then', async () => {
    await go('#/channels');
    await viewer.page.getByRole('link', { name: /@news/ }).click();
    await button('Read history').click();
    await viewer.page.getByRole('status').getByText('completed').waitFor();
    await sees('20 stored messages');
    const { id } = await house.control.tell('post', { channel: 'news', text: 'Seen as it comes' });
    await sees('Seen as it comes');
    await house.control.tell('edit', { channel: 'news', messageId: id, text: 'Seen as it changes' });
    await sees('Seen as it changes');
    await isSound('5-messages');
    await house.control.tell('delete', { channel: 'news', ids: [id] });
    await viewer.page.locator('.message.deleted', { hasText: 'Seen as it changes' }).waitFor();
  });

  it('shows a job that failed for good among the dead letters, and has it done again', async () => {
    await house.control.tell('fail', { method: 'messages.getHistory', code: 400, message: 'CHANNEL_PRIVATE', times: 1 });
    const job = await program.sync('news', 5);
    expect((await program.job(job)).status).toBe('failed');
    await go('#/jobs/dead-letters');
    await isSound('6-dead-letters');
    await button('Run again').click();
    await sees('Nothing has failed for good.');
    await go(`#/jobs/${job.split('/').at(-1)}`);
    await viewer.page.locator('.row .badge', { hasText: 'completed' }).first().waitFor();
    await isSound('7-job');
  });

  it('draws a connection with the state lit in which it is, and steps back through what it did', async () => {
    await go('#/system/root/accounts/main/connection');
    const lit = (path: string) => viewer.page.locator(`[data-state="${path}"].active`);
    await lit('authenticated.service.live').waitFor();
    await isSound('8-chart');
    const slider = viewer.page.getByRole('slider');
    await slider.focus();
    await viewer.page.keyboard.press('Home');
    await lit('connecting').waitFor();
    expect(await lit('authenticated').count()).toBe(0);
    expect(await viewer.page.locator('.label.taken').count()).toBeGreaterThan(0);
    await viewer.page.keyboard.press('End');
    await lit('authenticated').waitFor();
  });

  it('restarts a connection when an admin asks for it, shows it recover as it does, and who did it', async () => {
    await button('Restart').click();
    await viewer.page.getByText('Restart: connection?').waitFor();
    await isSound('8a-sure');
    await viewer.page.getByLabel('Why?').fill('to see it recover');
    await button('Restart: Yes').click();
    await sees('Restart: done.');
    await viewer.page.getByText('life 2').waitFor();
    await viewer.page.locator('[data-state="authenticated.service.live"].active').waitFor();
    const row = viewer.page.getByRole('region', { name: 'What people did' }).getByRole('listitem');
    await row.filter({ hasText: 'to see it recover' }).filter({ hasText: 'by local' }).waitFor();
    await isSound('8b-restarted');
    await go('#/system');
    await row.filter({ hasText: 'root/accounts/main/connection' }).waitFor();
    await isSound('8c-acts');
    await go('#/system/root/accounts/main/connection');
  });

  it('says that the gateway is gone while it is killed, and finds it again by itself', async () => {
    await program.kill();
    await sees('The gateway does not answer.');
    await viewer.picture('9-gone');
    program = await house.start();
    await viewer.page.locator('[data-state="authenticated.service.live"].active').waitFor();
    await viewer.page.locator('.banner.bad').waitFor({ state: 'detached' });
    await viewer.page.locator('.live.open').waitFor();
  });

  it('shows a session that was revoked, and lights the state that waits for a person', async () => {
    await house.control.tell('revoke', { phone: SAFE.phone });
    // A quiet connection hears of it with its next ping.
    await viewer.page.locator('[data-state="reauth-required"].active').waitFor({ timeout: 45_000 });
    await isSound('10-revoked-chart');
    await go('#/overview');
    await sees('Telegram is served in part.');
    await isSound('11-partly');
  });

  it('is there in Portuguese, in the dark, and on a phone', async () => {
    const phone = await Viewer.open(program.url, { locale: 'pt-BR', colorScheme: 'dark', width: 390 });
    try {
      await phone.page.goto(`${program.url}/#/telegram-gateway`);
      await phone.page.getByText('O Telegram está sendo atendido em parte.').waitFor();
      for (const [view, hash] of [
        ['overview', '#/overview'],
        ['system', '#/system/root/accounts/second/connection'],
        ['jobs', '#/jobs'],
        ['channels', '#/channels'],
        ['accounts', '#/accounts'],
      ] as const) {
        await phone.page.goto(`${program.url}/${hash}`);
        await expect.poll(() => phone.page.locator('.loading').count(), { timeout: 30_000 }).toBe(0);
        await phone.picture(`phone-${view}`);
        expect(await phone.faults(), view).toEqual([]);
        const wide = await phone.page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
        expect(wide, `${view} is no wider than the screen`).toBeLessThanOrEqual(0);
        if (view !== 'system') continue;
        // What asks before it stops anything is to be read in both languages too.
        await phone.page.getByRole('button', { name: 'Parar', exact: true }).click();
        await phone.page.getByText('Parar: connection?').waitFor();
        await phone.picture('phone-sure');
        expect(await phone.faults()).toEqual([]);
      }
      expect(phone.wrongs).toEqual([]);
    } finally {
      await phone.close();
    }
  });
});
