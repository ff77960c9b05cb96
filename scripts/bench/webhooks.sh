#!/bin/sh
# 1,000 deliveries a second to a release build that builds a package meanwhile; prints p50 and p99 of the answers.
# usage: webhooks.sh [SECONDS]            (10 if left out; loopback only; needs root, as every build does)
# PKGDEPLOY_BIN names the program; without it, the release build of this checkout is made and taken.
set -eu
cd "$(dirname "$0")/../.."
if [ -z "${PKGDEPLOY_BIN:-}" ]; then
    cargo build --locked --release --package api
    PKGDEPLOY_BIN=${CARGO_TARGET_DIR:-$PWD/target}/release/pkgdeploy
fi
export PKGDEPLOY_BIN
exec cargo run --locked --quiet --package stories --example webhook_load -- "$@"
