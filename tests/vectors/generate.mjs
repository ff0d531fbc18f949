// The mouth of `@openfeature/flagd-core`: questions as JSON on standard input, answers on standard output.
// generate.py copies this file beside the installed package and runs it there.
import { readFileSync } from 'node:fs';
import { FlagdCore } from '@openfeature/flagd-core';

// The package logs each refused rule to the console, which is where our answers go.
const silent = { error() {}, warn() {}, info() {}, debug() {} };

const answers = JSON.parse(readFileSync(0, 'utf8')).map(({ key, context, document }) => {
  const core = new FlagdCore(undefined, silent);
  core.setConfigurations(JSON.stringify(document));
  return core.resolveStringEvaluation(key, '', context).variant ?? null;
});
process.stdout.write(JSON.stringify(answers));
