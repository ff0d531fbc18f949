// The worker: does a job in the old way or the new one, as the flag says, and says when that changes.
//
//     node runner.mjs --server http://127.0.0.1:8013 --flag elevenlabs_agent
//
// flagd's provider in RPC mode: the server evaluates, and tells when something has changed.

import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const modules = process.env.MYCELIA_NODE_CLIENTS ?? fileURLToPath(new URL('../../../target/tools/node-clients', import.meta.url));
const require = createRequire(`${modules}/`);
const { OpenFeature, ProviderEvents } = require('@openfeature/server-sdk');
const { FlagdProvider } = require('@openfeature/flagd-provider');

const { values: options } = parseArgs({
  options: {
    server: { type: 'string', default: 'http://127.0.0.1:8013' },
    flag: { type: 'string', default: 'elevenlabs_agent' },
  },
});
const { hostname, port } = new URL(options.server);
const client = OpenFeature.getClient();
const context = { targetingKey: 'runner-1' };
let known;

async function look() {
  const value = await client.getBooleanValue(options.flag, false, context);
  if (value !== known) {
    known = value;
    console.log(JSON.stringify({ at: new Date().toISOString(), service: 'runner', flag: options.flag, value }));
  }
}

client.addHandler(ProviderEvents.ConfigurationChanged, look);
await OpenFeature.setProviderAndWait(new FlagdProvider({ host: hostname, port: Number(port), resolverType: 'rpc' }));
await look();
