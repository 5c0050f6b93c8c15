# Two commands do everything: `make run` and `make test`. `make help` lists the rest.

SYSTEM := gcc g++ make cmake pkg-config libclang-dev libxml2-dev libxmlsec1-dev libssl-dev

.PHONY: help run build test lint peers bench tools deny fuzz leaks

help:
	@sed -n 's/^## \([a-z]*\): /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

tools:
	@tools/need-rust
	@tools/install $(SYSTEM)

## run: install what is missing, build, start on the embedded database, print the first-run link
# The development build: ready in a third of the time, and fast where it matters (argon2, SQLite, TLS).
run: tools
	@echo "Building (a few minutes the first time)"
	@cargo build --locked --quiet
	@exec target/debug/vestibule serve

## build: the release binary, target/release/vestibule
build: tools
	cargo build --release --locked

## peers: install what the tests talk to (PostgreSQL, slapd, Samba, Chromium, SimpleSAMLphp, pysaml2, oidc-provider)
peers:
	@tools/install-peers

## lint: formatting, and clippy with warnings as errors
lint: tools
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

## test: everything, on SQLite and on PostgreSQL, against real peers
test: lint peers
	tests/peers/with-postgres cargo test --workspace --locked

## bench: ratios against the limits of this machine, in one run
bench: tools peers
	cargo bench --locked --bench load --no-run
	PG_FSYNC=on tests/peers/with-postgres cargo bench --locked --bench load

## deny: licences, advisories and sources of the dependencies (needs cargo-deny)
deny:
	@command -v cargo-deny >/dev/null || { echo "cargo-deny is missing: cargo install cargo-deny" >&2; exit 1; }
	cargo deny check

FUZZ_SECONDS ?= 600
## fuzz: the parsers of what strangers send, ten minutes each (needs cargo-fuzz; FUZZ_SECONDS=60 for less)
# cargo-fuzz asks for a nightly compiler's switches; the stable one has them as well when it is told to.
fuzz: tools
	@command -v cargo-fuzz >/dev/null || { echo "cargo-fuzz is missing: cargo install cargo-fuzz" >&2; exit 1; }
	cd fuzz && for target in saml_response saml_assertion saml_metadata scim_filter scim_patch; do \
	  RUSTC_BOOTSTRAP=1 cargo fuzz run $$target -- -max_total_time=$(FUZZ_SECONDS) -timeout=5 -rss_limit_mb=2048 || exit 1; done

## leaks: ten thousand SAML responses under valgrind, which must not leave a byte more than a hundred do
leaks: tools
	tools/leak-check
