// The mouth of `@openfeature/flagd-core`: questions as JSON on standard input, answers on standard output. An answer is
// a list: the variant's name, or null, or nothing at all when the evaluation failed.
// generate.py copies this file beside the installed package and runs it there.
import { readFileSync } from 'node:fs';
import { FlagdCore } from '@openfeature/flagd-core';

// The package logs each refused rule to the console, which is where our answers go.
const silent = { error() {}, warn() {}, info() {}, debug() {} };

// The flag has no variant that a rule names, so the name comes back in the complaint.
const complaint = /^Variant '([^]*)' not found in flag with key 'flag-a'$/;

const answers = JSON.parse(readFileSync(0, 'utf8')).map(({ key, context, document }) => {
  const core = new FlagdCore(undefined, silent);
  core.setConfigurations(JSON.stringify(document));
  const { reason, errorMessage } = core.resolveStringEvaluation(key, '', context);
  if (reason === 'DEFAULT') return [null];
  const named = complaint.exec(errorMessage ?? '');
  return named ? [named[1]] : [];
});
process.stdout.write(JSON.stringify(answers));
