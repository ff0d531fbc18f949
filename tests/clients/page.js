// Shows what a stock web provider gives one subject of a server of another origin, and says so on the console.
//
//     /?provider=web|ofrep-web&server=http://127.0.0.1:8016

import { OpenFeature, ProviderEvents } from '@openfeature/web-sdk';
import { FlagdWebProvider } from '@openfeature/flagd-web-provider';
import { OFREPWebProvider } from '@openfeature/ofrep-web-provider';

const query = new URLSearchParams(location.search);
const server = new URL(query.get('server'));
const provider =
  query.get('provider') === 'ofrep-web'
    ? new OFREPWebProvider({ baseUrl: server.origin })
    : new FlagdWebProvider({ host: server.hostname, port: Number(server.port), tls: false });
const client = OpenFeature.getClient();
let before = '';

function show() {
  const shown = {
    title: client.getStringValue('title', 'none'),
    dreams: client.getBooleanValue('dreams', false),
    oracle: client.getBooleanValue('oracle', false),
    hidden: client.getBooleanDetails('engine.hidden', false).errorCode,
  };
  const text = JSON.stringify(shown);
  if (text === before) return;
  before = text;
  document.querySelector('#value').value = text;
  console.log(JSON.stringify({ shown, loaded: performance.timeOrigin }));
}

client.addHandler(ProviderEvents.Ready, show);
client.addHandler(ProviderEvents.ConfigurationChanged, show);
await OpenFeature.setContext({ targetingKey: 'bo' });
await OpenFeature.setProviderAndWait(provider);
