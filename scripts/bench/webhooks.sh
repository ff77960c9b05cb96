#!/bin/sh
# Sends 1,000 deliveries per second to a release build while it builds a package; prints p50 and p99 of the answers.
# usage: webhooks.sh [SECONDS]            (default 10; loopback only; needs root, as every build does)
# PKGDEPLOY_BIN names the program. Without it, this checkout is built in release mode and used.
set -eu
cd "$(dirname "$0")/../.."
if [ -z "${PKGDEPLOY_BIN:-}" ]; then
    cargo build --locked --release --package api
    PKGDEPLOY_BIN=${CARGO_TARGET_DIR:-$PWD/target}/release/pkgdeploy
fi
export PKGDEPLOY_BIN
exec cargo run --locked --quiet --package stories --example webhook_load -- "$@"
