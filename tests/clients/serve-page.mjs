// Bundles page.js and serves it.
//
//     node serve-page.mjs
//
// It says {"origin": "http://127.0.0.1:PORT"}; by the name localhost the same page has another origin.

import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

// The packages lie where .ci/setup has put them.
const modules = process.env.MYCELIA_NODE_CLIENTS;
const esbuild = createRequire(`${modules}/`)('esbuild');
const bundle = await esbuild.build({
  entryPoints: [fileURLToPath(new URL('page.js', import.meta.url))],
  bundle: true,
  format: 'esm',
  target: 'es2022',
  nodePaths: [`${modules}/node_modules`],
  write: false,
});
const html = '<!doctype html><title>page</title><output id="value">no answer</output><script type="module" src="/page.js"></script>';
const files = {
  '/': ['text/html; charset=utf-8', html],
  '/page.js': ['text/javascript; charset=utf-8', bundle.outputFiles[0].contents],
  '/favicon.ico': ['image/x-icon', ''],
};

const server = createServer((incoming, outgoing) => {
  const file = files[new URL(incoming.url, 'http://page').pathname];
  if (!file) return outgoing.writeHead(404).end();
  outgoing.writeHead(200, { 'content-type': file[0], 'cache-control': 'no-store' }).end(file[1]);
});
server.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ origin: `http://127.0.0.1:${server.address().port}` }));
});
