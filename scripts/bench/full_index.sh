#!/bin/sh
# Benchmark "index a whole corpus": cold, every package is opened and hashed; warm, every index is rendered again.
# usage: cargo build --release -p api --example full_index
#        full_index.py CORPUS WORK --ours scripts/bench/full_index.sh        (BENCH_* come from there)
# FULL_INDEX_BIN names the program; without it, the release build of this checkout.
set -eu
: "${FULL_INDEX_BIN:=$(dirname "$0")/../../target/release/examples/full_index}"

case $BENCH_PHASE in
    cold) exec "$FULL_INDEX_BIN" cold "$BENCH_POOL" "$BENCH_REPO" "$BENCH_FORMAT" ;;
    warm) exec "$FULL_INDEX_BIN" warm "$BENCH_REPO" ;;
esac
