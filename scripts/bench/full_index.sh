#!/bin/sh
# Our side of "index a whole corpus": cold, every package opened and hashed; warm, every index rendered again.
# usage: full_index.py CORPUS WORK --ours scripts/bench/full_index.sh        (BENCH_* come from there)
# PKGDEPLOY_BIN names the binary; without it, the release build of this checkout.
set -eu
: "${PKGDEPLOY_BIN:=$(dirname "$0")/../../target/release/pkgdeploy}"

case $BENCH_PHASE in
    cold) exec "$PKGDEPLOY_BIN" index --pool "$BENCH_POOL" --data "$BENCH_REPO" --format "$BENCH_FORMAT" ;;
    warm) exec "$PKGDEPLOY_BIN" index --data "$BENCH_REPO" --rerender ;;
esac
