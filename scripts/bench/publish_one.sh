#!/bin/sh
# Benchmark "add ONE package to a repository of N, until the new signed metadata can be served".
# usage: publish_one.py CORPUS WORK --ours scripts/bench/publish_one.sh      (BENCH_* come from there)
# PKGDEPLOY_BIN names the binary; without it, the release build of this checkout.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
: "${PKGDEPLOY_BIN:=$here/../../target/release/pkgdeploy}"

case $BENCH_PHASE in
    prepare)
        exec python3 "$here/prepare.py" "$PKGDEPLOY_BIN" "$BENCH_REPO" "$BENCH_POOL" "$BENCH_FORMAT"
        ;;
    add)
        # An answer of 2xx within the wait means installable; anything else fails the measure.
        exec curl --config "$BENCH_REPO/add.curl" --upload-file "$BENCH_PKG" \
            "$(cat "$BENCH_REPO/packages.url")/${BENCH_PKG##*/}?wait=30"
        ;;
    cleanup)
        pid=$(cat "$BENCH_REPO/server.pid")
        kill "$pid"
        while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
        ;;
esac
