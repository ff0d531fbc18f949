// Shows a page in headless Chromium, and says in lines of JSON what happens in it.
//
//     node browse.mjs http://127.0.0.1:8080/ [WIDTHxHEIGHT]
//
// It says {"ready": true} when the page has loaded, {"console": "..."} and {"error": "..."} as they come, and answers
// each line of its input: `text` with {"text": "..."} (what the page shows), `text SELECTOR` with that of one element,
// `click SELECTOR` with {"clicked": "..."}, `screenshot FILE` with {"screenshot": "FILE"}. It ends with its input.

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

// The packages lie where .ci/setup has put them; the browser is the system's.
const require = createRequire(`${process.env.MYCELIA_NODE_CLIENTS}/`);
const puppeteer = require('puppeteer-core');

const say = (line) => console.log(JSON.stringify(line));
const [url, size = '1280x800'] = process.argv.slice(2);
const [width, height] = size.split('x').map(Number);
const browser = await (puppeteer.default ?? puppeteer).launch({
  executablePath: process.env.MYCELIA_CHROMIUM ?? '/usr/bin/chromium',
  // CI runs as root, where Chromium refuses its sandbox, and a container's shared memory is small.
  args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'],
});
try {
  const page = await browser.newPage();
  await page.setViewport({ width, height });
  page.on('console', (message) => say({ console: message.text() }));
  page.on('pageerror', (error) => say({ error: String(error) }));
  page.on('requestfailed', (request) => say({ error: `${request.url()}: ${request.failure()?.errorText}` }));
  await page.goto(url, { waitUntil: 'load' });
  say({ ready: true });
  for await (const line of createInterface({ input: process.stdin })) {
    const [, command, rest] = line.match(/^(\S+)\s*(.*)$/) ?? [];
    try {
      if (command === 'text') {
        say({ text: await page.$eval(rest || 'body', (element) => element.innerText) });
      } else if (command === 'click') {
        await page.click(rest);
        say({ clicked: rest });
      } else if (command === 'screenshot') {
        await page.screenshot({ path: rest });
        say({ screenshot: rest });
      } else {
        say({ error: `not understood: ${line}` });
      }
    } catch (error) {
      say({ error: `${line}: ${error}` });
    }
  }
} finally {
  await browser.close();
}
