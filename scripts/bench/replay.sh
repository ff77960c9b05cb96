#!/bin/sh
# Measures events per second through the projectors, each alone and all together, with every signed index rendered again.
# usage: replay.sh [EVENTS [PUBLICATIONS]]       (default 100,000 and 2,000)
# The log is created in $PKGDEPLOY_BENCH_DATA and kept. Without it, it is in a folder that is deleted at the end.
set -eu
cd "$(dirname "$0")/../.."
data=${PKGDEPLOY_BENCH_DATA:-}
if [ -z "$data" ]; then
    data=$(mktemp -d)
    trap 'rm -rf "$data"' EXIT
fi
if [ ! -e "$data/log.sqlite" ]; then
    cargo run --locked --release --package api --example big_log -- --data "$data" --events "${1:-100000}" --publications "${2:-2000}"
fi
cargo bench --locked --package api --bench replay -- "$data"
