#!/usr/bin/env bash
# Tests the tests: plants one fault at a time into a copy of the tree and runs the test that must notice it. A fault that
# goes unnoticed, or that no longer fits the code, fails this script. docs/track-record.md has the same list in words.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
copy=$root/target/planted
export CARGO_TARGET_DIR=$root/target PROTOC=/nonexistent

rm -rf "$copy"
mkdir -p "$copy"
git -C "$root" ls-files -z | (cd "$root" && xargs -0 tar -cf -) | tar -xf - -C "$copy"

# plant NAME FILE PERL-EXPRESSION TEST-COMMAND...
plant() {
  local name=$1 file=$2 edit=$3
  shift 3
  cp "$copy/$file" "$copy/.before"
  perl -0pi -e "$edit" "$copy/$file"
  if cmp -s "$copy/.before" "$copy/$file"; then
    echo "NOT PLANTED: $name: the edit does not fit $file any more"
    exit 1
  fi
  if (cd "$copy" && timeout 300 "$@") >"$copy/.output" 2>&1 </dev/null; then
    echo "NOT CAUGHT: $name"
    exit 1
  fi
  # A fault that does not compile was not caught by a test.
  if ! grep -q 'test result: FAILED' "$copy/.output"; then
    echo "DOES NOT BUILD: $name"
    tail -30 "$copy/.output"
    exit 1
  fi
  echo "caught: $name, by $(grep -oE '^test [^ ]+ \.\.\. FAILED' "$copy/.output" | head -1 | cut -d' ' -f2)"
  mv "$copy/.before" "$copy/$file"
}

plant "visible before durable" server/src/state/writer.rs \
  's/(            if let Err\(error\) = self\.log\.append)/            self.visible.snapshot.store(Arc::new(group.working.clone()));\n$1/' \
  cargo test --locked -p mycelia-flags-server --lib state::store

plant "!= instead of < at a cursor" server/src/distribution/feed.rs \
  's/if held >= self\.revision\(\)/if held == self.revision()/' \
  cargo test --locked -p mycelia-flags-server --lib distribution::feed

plant "no scope filter" server/src/distribution/scope.rs \
  's/services\.is_empty\(\) \|\| self\.service/true || services.is_empty() || self.service/' \
  cargo test --locked -p mycelia-flags-server --lib distribution::feed

plant "no gap check" core/src/update.rs \
  's/if update\.previous != self\.revision/if false \&\& update.previous != self.revision/' \
  cargo test --locked -p mycelia-flags-core --lib update

plant "no digest check" core/src/update.rs \
  's/if next\.digest != update\.digest/if false \&\& next.digest != update.digest/' \
  cargo test --locked -p mycelia-flags-sdk --lib simulation

plant "no jitter" client-sdk/src/backoff.rs \
  's/\(whole\.as_nanos\(\) \* u128::from\(random\)\) >> 32/whole.as_nanos() + u128::from(random \& 0)/' \
  cargo test --locked -p mycelia-flags-sdk --lib backoff

rm -rf "$copy"
echo "every planted fault was caught"
