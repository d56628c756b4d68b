# `make test` is what CI runs and what a developer runs: everything that has to
# hold, from nothing, on a machine with Rust, gcc and Python.

CARGO ?= cargo

.PHONY: test tools lint unit policies docs

test: tools lint unit policies docs

# PostgreSQL, where it is not there yet.
tools:
	.ci/tools

lint:
	$(CARGO) fmt --check
	$(CARGO) clippy --release --all-targets -- -D warnings

unit:
	$(CARGO) test --release

policies:
	$(CARGO) run --release -- check
	$(CARGO) run --release -- test --coverage --drop-one

docs:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --release --no-deps
