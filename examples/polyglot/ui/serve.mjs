// Bundles the page and serves it.
//
//     node serve.mjs [--browser http://127.0.0.1:8016] [--flag elevenlabs_agent] [--port 0]
//
// The page asks Mycelia Flags' listener for browsers itself, which has to allow the page's origin.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const modules = process.env.MYCELIA_NODE_CLIENTS ?? fileURLToPath(new URL('../../../target/tools/node-clients', import.meta.url));
const esbuild = createRequire(`${modules}/`)('esbuild');

const { values: options } = parseArgs({
  options: {
    browser: { type: 'string', default: 'http://127.0.0.1:8016' },
    flag: { type: 'string', default: 'elevenlabs_agent' },
    port: { type: 'string', default: '0' },
  },
});
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const bundle = await esbuild.build({
  entryPoints: [here('page.ts')],
  bundle: true,
  format: 'esm',
  target: 'es2022',
  nodePaths: [`${modules}/node_modules`],
  write: false,
});

const files = {
  '/': ['text/html; charset=utf-8', await readFile(here('index.html'))],
  '/page.js': ['text/javascript; charset=utf-8', bundle.outputFiles[0].contents],
  '/place.json': ['application/json', JSON.stringify({ flag: options.flag, server: options.browser })],
  '/favicon.ico': ['image/x-icon', ''],
};

async function note(incoming, outgoing) {
  let body = '';
  for await (const piece of incoming) body += piece;
  process.stdout.write(`${body}\n`);
  outgoing.writeHead(200, { 'content-type': 'text/plain' }).end('noted');
}

const server = createServer((incoming, outgoing) => {
  const { pathname } = new URL(incoming.url, 'http://page');
  if (pathname === '/changed' && incoming.method === 'POST') return note(incoming, outgoing);
  const file = files[pathname];
  if (!file) return outgoing.writeHead(404).end();
  outgoing.writeHead(200, { 'content-type': file[0], 'cache-control': 'no-store' }).end(file[1]);
});
server.listen(Number(options.port), '127.0.0.1', () => {
  console.log(JSON.stringify({ service: 'ui', page: `http://127.0.0.1:${server.address().port}/` }));
});
