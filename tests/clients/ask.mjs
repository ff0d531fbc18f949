// Asks a stock OpenFeature provider of Node what a line of JSON asks, and answers with a line of JSON.
//
//     node ask.mjs ofrep|rpc|in-process http://127.0.0.1:8013
//
// A question: {"type": "boolean", "key": "dreams", "default": false, "context": {"targetingKey": "ana"}}.

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

// The packages lie where .ci/setup has put them.
const require = createRequire(`${process.env.MYCELIA_NODE_CLIENTS}/`);
const { OpenFeature } = require('@openfeature/server-sdk');

function provider(kind, url) {
  if (kind === 'ofrep') {
    const { OFREPProvider } = require('@openfeature/ofrep-provider');
    return new OFREPProvider({ baseUrl: url });
  }
  if (kind === 'rpc' || kind === 'in-process') {
    const { FlagdProvider } = require('@openfeature/flagd-provider');
    const { hostname, port } = new URL(url);
    return new FlagdProvider({ host: hostname, port: Number(port), resolverType: kind });
  }
  throw new Error(`no provider is called ${kind}`);
}

const [kind, url] = process.argv.slice(2);
await OpenFeature.setProviderAndWait(provider(kind, url));
const client = OpenFeature.getClient();
const ask = {
  boolean: (question) => client.getBooleanDetails(question.key, question.default, question.context),
  string: (question) => client.getStringDetails(question.key, question.default, question.context),
  integer: (question) => client.getNumberDetails(question.key, question.default, question.context),
  float: (question) => client.getNumberDetails(question.key, question.default, question.context),
  object: (question) => client.getObjectDetails(question.key, question.default, question.context),
};
console.log(JSON.stringify({ ready: true }));
for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  const { value, variant, reason, errorCode } = await ask[question.type](question);
  console.log(JSON.stringify({ value, variant: variant ?? null, reason, error: errorCode ?? null }));
}
await OpenFeature.close();
