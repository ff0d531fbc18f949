// Asks the stock OpenFeature provider for web pages what a line of JSON asks, and answers with a line of JSON.
//
//     node ask-web.mjs web http://127.0.0.1:8013
//
// It evaluates everything for one context at a time, and is told when that changes: a question's context is set first.

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

// The packages lie where .ci/setup has put them.
const require = createRequire(`${process.env.MYCELIA_NODE_CLIENTS}/`);
const { OpenFeature } = require('@openfeature/web-sdk');
const { FlagdWebProvider } = require('@openfeature/flagd-web-provider');

const { hostname, port } = new URL(process.argv[3]);
await OpenFeature.setProviderAndWait(new FlagdWebProvider({ host: hostname, port: Number(port), tls: false }));
const client = OpenFeature.getClient();
const ask = {
  boolean: (question) => client.getBooleanDetails(question.key, question.default),
  string: (question) => client.getStringDetails(question.key, question.default),
  integer: (question) => client.getNumberDetails(question.key, question.default),
  float: (question) => client.getNumberDetails(question.key, question.default),
  object: (question) => client.getObjectDetails(question.key, question.default),
};
console.log(JSON.stringify({ ready: true }));
let before = '';
for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  const context = JSON.stringify(question.context ?? {});
  if (context !== before) {
    await OpenFeature.setContext(question.context ?? {});
    before = context;
  }
  const { value, variant, reason, errorCode } = ask[question.type](question);
  console.log(JSON.stringify({ value, variant: variant ?? null, reason, error: errorCode ?? null }));
}
process.exit(0);
