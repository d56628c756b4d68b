# `make test` is what CI runs and what a developer runs: everything that has to
# hold, from nothing, on a machine with Rust, gcc and Python.

CARGO ?= cargo

.PHONY: test tools build lint unit policies docs clients gateways console package image chart book performance bench-gateways

# Most tests wait for other programs more than they work: the lints are computed beside them, and the
# documentation and the book beside clients and gateways.
test: tools build
	$(MAKE) --jobs 2 unit lint
	$(MAKE) policies package image
	$(MAKE) --jobs 3 --output-sync clients gateways console docs book chart

# PostgreSQL, nginx, HAProxy, cvc5, Python's venv, rpmbuild and buildah, where they are not there yet.
tools:
	.ci/tools

build:
	$(CARGO) test --release --no-run

lint:
	$(CARGO) fmt --check
	nice -n 19 $(CARGO) clippy --release --all-targets -- -D warnings

# Two run for each processor, since they wait for other programs.
unit:
	RUST_TEST_THREADS=$${RUST_TEST_THREADS:-$$(( $$(nproc) * 2 ))} $(CARGO) test --release

# The commands of the README and of docs/ measure coverage and prove: `.ci/run` runs them. Mutants take
# minutes, and are tried by hand after a change of policies or suites.
policies:
	$(CARGO) run --release -- check
	$(CARGO) run --release -- test
	$(CARGO) run --release -- check --policies policies/callers --schema schema/callers.cedarschema
	$(CARGO) run --release -- test tests/callers --coverage --drop-one --policies policies/callers --schema schema/callers.cedarschema
	$(CARGO) run --release -- prove --policies policies/callers --schema schema/callers.cedarschema

docs:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --release --no-deps

# The book of docs/, its links, and its reference against the binary.
book:
	.ci/book

# Other programs' clients, against the binary that `unit` has built or the one that
# PEPPOL_AUTHZ names.
clients:
	.ci/clients

# The same binary behind nginx, Envoy, Traefik, Caddy and HAProxy.
gateways:
	.ci/gateways

# Its console in a real Chromium.
console:
	.ci/console

# Its packages, installed on this machine, upgraded and purged.
package:
	.ci/package

# Its image, built and run with a read-only root.
image:
	.ci/image

# Its Helm chart: rendered, held against Kubernetes' schemas, and the binary started as a pod starts it.
chart:
	.ci/chart

# All benchmarks, and the page and the plots of their figures; not part of the tests. An hour on a quiet machine. Needs `wrk` and npm.
performance:
	.ci/performance

# The time that it adds to a request through nginx and Envoy.
bench-gateways:
	.ci/gateways bench
