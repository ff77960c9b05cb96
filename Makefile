# `make help` lists the commands. Each installs what it needs, on Debian or Ubuntu with a Rust toolchain.

.PHONY: help sample check test

TARGET := $(or $(CARGO_TARGET_DIR),target)

help:
	@echo 'make sample   releases the bundled project and serves its packages and the dashboard on http://127.0.0.1:8080'
	@echo '              PORT=8080  PKGDEPLOY_SAMPLE_DATA=./sample-data  SAMPLE_JSON=<file for addresses and logins>'
	@echo 'make check    checks format, lints and unit tests of the crates that differ from main, and of those that use them'
	@echo '              BASE=<commit to compare with>'
	@echo 'make test     checks everything, with real package clients (about half an hour the first time)'
	@echo '              PKGDEPLOY_ADVISORY_DB=<archive of RustSec advisories, for a machine that cannot reach GitHub>'

sample:
	@scripts/install-packages bubblewrap build-essential ca-certificates e2fsprogs git python3
	cargo build --locked --release --package api
	@exec python3 scripts/sample/run.py "$(TARGET)/release/pkgdeploy"

check:
	@scripts/install-packages bubblewrap build-essential ca-certificates git python3
	@scripts/check $(BASE)

# The quick checks come first.
test:
	cargo fmt --all --check
	@scripts/install-packages bubblewrap build-essential ca-certificates createrepo-c curl debian-archive-keyring dnf \
		dpkg-dev e2fsprogs git gnupg golang-go golang-golang-x-mod-dev gpgv mmdebstrap openssh-client openssh-server postgresql python3 python3-venv rpm zstd
	@scripts/test/dependencies "$(TARGET)/tools"
	cargo clippy --locked --workspace --all-features --all-targets -- -D warnings
	@scripts/test/client-root "$(TARGET)/client-root" bookworm
	@scripts/test/client-root "$(TARGET)/client-root-13" trixie
	@scripts/test/kurrentdb-client "$(TARGET)/kurrentdb-client"
	cargo build --locked --workspace --all-features --bins
	PKGDEPLOY_CLIENT_ROOT="$(abspath $(TARGET))/client-root" PKGDEPLOY_CLIENT_ROOT_13="$(abspath $(TARGET))/client-root-13" \
		cargo test --locked --workspace --all-features
