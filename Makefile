# Two commands do everything: `make run` and `make test`. `make help` lists the rest.

SYSTEM := gcc g++ make cmake pkg-config libclang-dev libxml2-dev libxmlsec1-dev libssl-dev

.PHONY: help run build test lint peers bench screenshots tools deny fuzz leaks

help:
	@sed -n 's/^## \([a-z]*\): /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

tools:
	@tools/need-rust
	@tools/install $(SYSTEM)

## run: install missing packages, build and start the server with SQLite, and print the setup link
# The development build: ready in a third of the time, and fast where it matters (argon2, SQLite, TLS).
run: tools
	@echo "Building Vestibule (takes a few minutes the first time)"
	@cargo build --locked --quiet
	@exec $${CARGO_TARGET_DIR:-target}/debug/vestibule serve

## build: build the release binary, target/release/vestibule
build: tools
	cargo build --release --locked

## peers: install the software that the tests need (PostgreSQL, slapd, Samba, Chromium, SimpleSAMLphp, pysaml2, oidc-provider)
peers:
	@tools/install-peers

## lint: check formatting, and run clippy with warnings as errors
lint: tools
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

## test: run lint and all tests, on SQLite and PostgreSQL, against real identity providers and clients
# More tests at a time than cores: most of them wait for the processes that they have started.
test: lint peers
	RUST_TEST_THREADS=$${RUST_TEST_THREADS:-4} tests/peers/with-postgres cargo test --workspace --locked

## bench: run the benchmarks, which compare results with the limits of this machine
bench: tools peers
	cargo bench --locked --bench load --no-run
	PG_FSYNC=on tests/peers/with-postgres cargo bench --locked --bench load

## screenshots: create the screenshots of the README, in docs/screenshots
screenshots: tools peers
	cargo test --locked --test vestibule screenshots:: -- --ignored

## deny: check licenses, advisories and sources of the dependencies (requires cargo-deny)
deny:
	@command -v cargo-deny >/dev/null || { echo "cargo-deny is not installed. Install it with: cargo install cargo-deny" >&2; exit 1; }
	cargo deny check

FUZZ_SECONDS ?= 600
## fuzz: fuzz the parsers of untrusted input, ten minutes each (requires cargo-fuzz; FUZZ_SECONDS=60 for less)
# cargo-fuzz asks for a nightly compiler's switches; the stable one has them as well when it is told to.
fuzz: tools
	@command -v cargo-fuzz >/dev/null || { echo "cargo-fuzz is not installed. Install it with: cargo install cargo-fuzz" >&2; exit 1; }
	cd fuzz && for target in saml_response saml_assertion saml_metadata scim_filter scim_patch; do \
	  RUSTC_BOOTSTRAP=1 cargo fuzz run $$target -- -max_total_time=$(FUZZ_SECONDS) -timeout=5 -rss_limit_mb=2048 || exit 1; done

## leaks: check for memory leaks with 10,000 SAML responses under valgrind
leaks: tools
	tools/leak-check
