#!/bin/sh
# How many events a second go through the projectors, each alone and all together, with every signed index rendered again.
# usage: replay.sh [EVENTS [PUBLICATIONS]]       (100,000 and 2,000 if left out)
# The log is made in $PKGDEPLOY_BENCH_DATA and left there; without it, in a folder that is deleted at the end.
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
