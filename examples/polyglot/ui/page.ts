// The page: shows what it is given, and changes without being loaded again. It is told; it does not ask.

import { OpenFeature, ProviderEvents } from '@openfeature/web-sdk';
import { FlagdWebProvider } from '@openfeature/flagd-web-provider';

/** What the page's own server says about where the flags are. */
interface Place {
  flag: string;
  /** Mycelia Flags' listener for browsers. */
  server: string;
}

const place: Place = await (await fetch('/place.json')).json();
const server = new URL(place.server);
const tls = server.protocol === 'https:';
const port = Number(server.port || (tls ? 443 : 80));

// Whoever is here: the address may say who, as /?user=ana.
const user = new URLSearchParams(location.search).get('user') ?? 'somebody';
await OpenFeature.setContext({ targetingKey: user });

const client = OpenFeature.getClient();
const output = document.querySelector<HTMLOutputElement>('#value');
let shown: boolean | undefined;

function show(): void {
  const value = client.getBooleanValue(place.flag, false);
  if (value === shown || output === null) {
    return;
  }
  shown = value;
  output.value = value ? 'on' : 'off';
  document.body.dataset.voice = output.value;
  const line = { at: new Date().toISOString(), service: 'ui', flag: place.flag, value };
  console.log(JSON.stringify(line));
  // For the terminal that the example runs in.
  void fetch('/changed', { method: 'POST', body: JSON.stringify(line) });
}

client.addHandler(ProviderEvents.Ready, show);
client.addHandler(ProviderEvents.ConfigurationChanged, show);
await OpenFeature.setProviderAndWait(new FlagdWebProvider({ host: server.hostname, port, tls }));
show();
