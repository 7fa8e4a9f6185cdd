import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import axe from 'axe-core';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { describe } from 'vitest';

/** Where Debian and others put Chromium. */
const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path));
/** Where pictures of the page are kept, for people to look at. */
const PICTURES = join(process.env.VIGILIA_TEST_ARTEFACTS ?? 'test-results', 'page');

/** A suite that needs a browser. Where none is installed it is skipped, and its title says so; with `VIGILIA_TEST_REQUIRE=all` it fails. */
export function describeInBrowser(title: string, suite: () => void): void {
  if (CHROMIUM !== undefined) describe(title, suite);
  else if (process.env.VIGILIA_TEST_REQUIRE === 'all') {
    describe(title, () => {
      throw new Error('Chromium is not installed');
    });
  } else describe.skip(`${title} (skipped: Chromium is not installed)`, suite);
}

interface Looks {
  readonly locale?: string;
  readonly colorScheme?: 'light' | 'dark';
  readonly width?: number;
}

/** A browser with one page of the gateway, and all that went wrong in it. */
export class Viewer {
  readonly page: Page;
  /** Errors in the console and in scripts, and requests that left for another host. */
  readonly wrongs: string[] = [];
  readonly #browser: Browser;
  readonly #context: BrowserContext;

  private constructor(browser: Browser, context: BrowserContext, page: Page, origin: string) {
    this.#browser = browser;
    this.#context = context;
    this.page = page;
    page.on('pageerror', (error) => this.wrongs.push(`script: ${error.message}`));
    page.on('console', (message) => {
      // A server that is down on purpose is told of by the browser itself.
      const expected =
        /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE_CHUNKED|status of (40[149]|503)/;
      if (message.type() === 'error' && !expected.test(message.text())) this.wrongs.push(`console: ${message.text()}`);
    });
    page.on('request', (request) => {
      if (!request.url().startsWith(origin) && !request.url().startsWith('data:'))
        this.wrongs.push(`request to ${request.url()}`);
    });
    page.on('dialog', (dialog) => void dialog.accept());
  }

  static async open(origin: string, { locale = 'en', colorScheme = 'light', width = 1400 }: Looks = {}): Promise<Viewer> {
    const browser = await chromium.launch({ ...(CHROMIUM ? { executablePath: CHROMIUM } : {}), args: ['--no-sandbox'] });
    const context = await browser.newContext({ viewport: { width, height: 900 }, locale, colorScheme });
    return new Viewer(browser, context, await context.newPage(), origin);
  }

  /** @returns serious faults that axe finds in what is shown now (https://dequeuniversity.com/rules/axe), a line each */
  async faults(): Promise<string[]> {
    // Evaluated by the debugger: the page's own policy would not let it in.
    await this.page.evaluate(axe.source);
    const { violations } = await this.page.evaluate(() => (globalThis as unknown as { axe: typeof axe }).axe.run());
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`));
  }

  /** Keeps a picture of what is shown. */
  async picture(name: string): Promise<void> {
    await mkdir(PICTURES, { recursive: true });
    await this.page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
  }

  async close(): Promise<void> {
    await this.#context.close();
    await this.#browser.close();
  }
}
