// Asks the stock OpenFeature providers for web pages what a line of JSON asks, and answers with a line of JSON.
//
//     node ask-web.mjs web|ofrep-web http://127.0.0.1:8013
//
// It evaluates everything for one context at a time, and is told when that changes: a question's context is set first.

import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

// The packages lie where .ci/setup has put them.
const require = createRequire(`${process.env.MYCELIA_NODE_CLIENTS}/`);
const { OpenFeature } = require('@openfeature/web-sdk');
const { OFREPWebProvider } = require('@openfeature/ofrep-web-provider');
const { FlagdWebProvider } = require('@openfeature/flagd-web-provider');

// As much of a browser's EventSource as the OFREP provider asks for; Node has none.
class FetchedEvents extends EventTarget {
  static CLOSED = 2;
  #ending = new AbortController();

  constructor(url) {
    super();
    this.readyState = 0;
    this.#read(url).catch(() => this.#say('error'));
  }

  close() {
    this.readyState = 2;
    this.#ending.abort();
  }

  #say(type, more = {}) {
    const event = Object.assign(new Event(type), more);
    this[`on${type}`]?.(event);
    this.dispatchEvent(event);
  }

  async #read(url) {
    const headers = { accept: 'text/event-stream' };
    const answer = await fetch(url, { headers, signal: this.#ending.signal });
    this.readyState = 1;
    this.#say('open');
    let text = '';
    for await (const part of answer.body.pipeThrough(new TextDecoderStream())) {
      text += part;
      const events = text.split('\n\n');
      text = events.pop();
      for (const event of events) {
        const data = event.split('\n').find((line) => line.startsWith('data: '));
        if (data) this.#say('message', { data: data.slice('data: '.length) });
      }
    }
  }
}
globalThis.EventSource ??= FetchedEvents;

const { hostname, port } = new URL(process.argv[3]);
const provider =
  process.argv[2] === 'ofrep-web'
    ? new OFREPWebProvider({ baseUrl: process.argv[3] })
    : new FlagdWebProvider({ host: hostname, port: Number(port), tls: false });
await OpenFeature.setProviderAndWait(provider);
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
