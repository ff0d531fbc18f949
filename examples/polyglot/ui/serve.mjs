// Bundles the page and serves it.
//
//     node serve.mjs --server http://127.0.0.1:8013 --flag elevenlabs_agent [--port 0] [--browser http://127.0.0.1:8014]
//
// With --browser the page talks to Mycelia Flags' listener for browsers itself. Without it, what this server does not
// have is passed on to --server, so that the page has one origin, which is what a proxy in front of both would do.

import { readFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const modules = process.env.MYCELIA_NODE_CLIENTS ?? fileURLToPath(new URL('../../../target/tools/node-clients', import.meta.url));
const esbuild = createRequire(`${modules}/`)('esbuild');

const { values: options } = parseArgs({
  options: {
    server: { type: 'string', default: 'http://127.0.0.1:8013' },
    browser: { type: 'string', default: '' },
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

function passOn(incoming, outgoing) {
  const target = new URL(incoming.url, options.server);
  const headers = { ...incoming.headers, host: target.host };
  const onward = request(target, { method: incoming.method, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode, answer.headers);
    answer.pipe(outgoing);
  });
  onward.on('error', () => outgoing.destroy());
  outgoing.on('close', () => onward.destroy());
  incoming.pipe(onward);
}

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
  if (!file) return options.browser ? outgoing.writeHead(404).end() : passOn(incoming, outgoing);
  outgoing.writeHead(200, { 'content-type': file[0], 'cache-control': 'no-store' }).end(file[1]);
});
server.listen(Number(options.port), '127.0.0.1', () => {
  console.log(JSON.stringify({ service: 'ui', page: `http://127.0.0.1:${server.address().port}/` }));
});
