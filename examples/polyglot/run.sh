#!/usr/bin/env bash
# One flag, three services in three languages, each on its language's stock provider: starts a server with a store that
# nobody keeps, ui (TypeScript, in a page), runner (Node) and agent (Python), and says the one command that moves them
# together. Each prints a line when its flag changes. Ends with Ctrl-C.
#
#     examples/polyglot/run.sh
#
# It needs what .ci/setup installs, and the binary: `cargo build`.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
flag=elevenlabs_agent
binary=${MYCELIA_FLAGS:-$root/target/debug/mycelia-flags}
python=$root/target/tools/bin/python-clients
export MYCELIA_NODE_CLIENTS=${MYCELIA_NODE_CLIENTS:-$root/target/tools/node-clients}

for needed in "$binary" "$python" "$MYCELIA_NODE_CLIENTS/node_modules/esbuild"; do
    [ -e "$needed" ] || { echo "$needed is missing: run \`cargo build\` and .ci/setup first" >&2; exit 2; }
done

folder=$(mktemp -d)
children=()
finish() {
    trap - EXIT INT TERM
    [ "${#children[@]}" -eq 0 ] || kill "${children[@]}" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap finish EXIT
trap 'exit 0' INT TERM

# Waits until a file says something, for a minute at most, as long as the process that is to say it is there.
said() { # FILE PATTERN PROCESS
    local attempt
    for attempt in $(seq 600); do
        grep -om1 "$2" "$1" 2>/dev/null && return 0
        kill -0 "$3" 2>/dev/null || break
        sleep 0.1
    done
    echo "never said: $2" >&2
    cat "$1" >&2
    return 1
}

# Pages ask the listener for browsers, which lets pages of the origins on its list read its answers: so where the page will
# be is settled before it is there.
free_port() {
    node -e 'const server = require("node:net").createServer().listen(0, "127.0.0.1", () => {
        console.log(server.address().port); server.close(); })'
}
port=${POLYGLOT_PAGE_PORT:-$(free_port)}

"$binary" serve --data-dir "$folder/store" --listen 127.0.0.1:0 --browser-listen 127.0.0.1:0 \
    --browser-origin "http://127.0.0.1:$port" >"$folder/server.log" 2>&1 &
children+=($!)
server=$(said "$folder/server.log" 'serves on http://[0-9.:]*' $!)
server=${server#serves on }
browser=$(said "$folder/server.log" 'browsers are served on http://[0-9.:]*' "${children[0]}")
browser=${browser#browsers are served on }
"$binary" --server "$server" --actor polyglot create "$flag" --description "The voice agent" --client-visible >/dev/null
"$binary" --server "$server" --actor polyglot enable "$flag" >/dev/null
"$binary" --server "$server" --actor polyglot rollout "$flag" 0 >/dev/null

node "$here/ui/serve.mjs" --browser "$browser" --flag "$flag" --port "$port" &
children+=($!)
node "$here/runner/runner.mjs" --server "$server" --flag "$flag" &
children+=($!)
"$python" "$here/agent/agent.py" --server "$server" --flag "$flag" &
children+=($!)

echo "{\"command\":\"$binary --server $server rollout $flag 100\"}"
# Whichever ends first takes the others along.
wait -n
