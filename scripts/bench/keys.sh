#!/bin/sh
# Benchmark "what does checking an access key cost when many exist?".
# usage: keys.py WORK --ours scripts/bench/keys.sh      (BENCH_* come from there)
# PKGDEPLOY_ACCESS_KEYS names the program; without it, the release build of this checkout:
#   cargo build --release --locked --package api --example access_keys
set -eu
here=$(cd "$(dirname "$0")" && pwd)
exec "${PKGDEPLOY_ACCESS_KEYS:-$here/../../target/release/examples/access_keys}"
