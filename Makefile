# Two commands; each sets up what it needs. Debian or Ubuntu with a Rust toolchain is enough.
#
#   make sample   serves the bundled project's packages to apt and dnf, and a dashboard
#                 PORT=8080, PKGDEPLOY_SAMPLE_DATA=./sample-data, SAMPLE_JSON=<file for addresses and logins>
#   make test     checks everything, with real package clients

.PHONY: sample test

TARGET := $(or $(CARGO_TARGET_DIR),target)

sample:
	@scripts/install-packages bubblewrap build-essential ca-certificates e2fsprogs git python3
	cargo build --locked --release --package api
	@exec python3 scripts/sample/run.py "$(TARGET)/release/pkgdeploy"

test:
	@scripts/install-packages bubblewrap build-essential ca-certificates createrepo-c curl debian-archive-keyring dnf \
		dpkg-dev e2fsprogs git gnupg golang-go golang-golang-x-mod-dev gpgv mmdebstrap openssh-client openssh-server postgresql python3 python3-venv rpm zstd
	@scripts/test/client-root "$(TARGET)/client-root" bookworm
	@scripts/test/client-root "$(TARGET)/client-root-13" trixie
	@scripts/test/kurrentdb-client "$(TARGET)/kurrentdb-client"
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-features --all-targets -- -D warnings
	@scripts/test/dependencies "$(TARGET)/tools"
	cargo build --locked --workspace --all-features --bins
	PKGDEPLOY_CLIENT_ROOT="$(abspath $(TARGET))/client-root" PKGDEPLOY_CLIENT_ROOT_13="$(abspath $(TARGET))/client-root-13" \
		cargo test --locked --workspace --all-features
