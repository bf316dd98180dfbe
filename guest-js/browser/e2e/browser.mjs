// Real tabs: Debian's Chromium, or another that is installed, and a page that it is served.
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Where the browser is: `CHROMIUM` says so, or the `PATH`. */
function executable() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of NAMES) {
      try {
        accessSync(join(folder, name), constants.X_OK);
        return join(folder, name);
      } catch {
        // The next.
      }
    }
  }
  throw new Error(
    'There is no Chromium: `apt-get install chromium`, `dnf install chromium`, or say in CHROMIUM where it is',
  );
}

/** Serves the page from localhost, which is a secure context: else there were no Web Locks. */
async function serve() {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('page.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'esm',
    define: { 'process.env.NODE_ENV': '"development"' },
  });
  const script = outputFiles[0].text;
  const server = createServer(({ url }, response) => {
    const [type, body] =
      url === '/page.js'
        ? ['text/javascript', script]
        : ['text/html', '<!doctype html><script type="module" src="/page.js"></script>'];
    response.writeHead(200, { 'content-type': `${type}; charset=utf-8` }).end(body);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `http://localhost:${server.address().port}/` };
}

/** One browser with a profile of its own, which may be closed and started again. */
export async function startBrowser() {
  const { server, url } = await serve();
  const profile = mkdtempSync(join(tmpdir(), 'lockstep-'));
  let context;

  async function launch() {
    context = await chromium.launchPersistentContext(profile, {
      executablePath: executable(),
      headless: true,
      args: FLAGS,
    });
  }

  await launch();

  return {
    /** Opens a tab, and waits until it shows the state. */
    async open() {
      const page = await context.newPage();
      const tab = {
        page,
        acknowledged: 0,
        /** What runs is the text of the function, with `app` of the page. */
        run: (work, arg) => page.evaluate(work, arg),
        async ready() {
          await page.waitForFunction(() => globalThis.app?.state.status === 'synchronized');
          return tab;
        },
        /** Ends the process of the page. */
        async crash() {
          const session = await context.newCDPSession(page);
          const crashed = page.waitForEvent('crash');
          // Nobody is left to answer.
          session.send('Page.crash').catch(() => {});
          await crashed;
        },
      };
      page.on('console', (message) => {
        if (message.text() === 'acknowledged') tab.acknowledged++;
      });
      await page.goto(url);
      return tab.ready();
    },
    async closeTabs() {
      for (const page of context.pages()) await page.close();
    },
    async restart() {
      await context.close();
      await launch();
    },
    async stop() {
      await context.close();
      server.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}
