# The few verbs. `make demo` and `make test` set everything up themselves.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
export CARGO_TERM_PROGRESS_WHEN ?= never
# Mesa's software Vulkan driver complains without it.
export XDG_RUNTIME_DIR ?= $(shell mktemp -d)

BIN := $(or $(CARGO_TARGET_DIR),target)/release/chiaro

.PHONY: help demo test lint bench bench-compare deps system release

help: ## show the verbs
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/'

demo: system release ## grade the sample pictures with depth and say where the results are
	@tools/demo.sh "$(BIN)"

test: system ## set up and run every test, the shaders on a software adapter included
	@tools/setup.sh onnxruntime-if-possible
	@tools/test.sh

lint: ## formatting, clippy, documentation, licences
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	cargo clippy --all-targets --no-default-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items
	@tools/setup.sh cargo-deny
	cargo deny check licenses bans sources

bench: system release ## measure beside other programs, write docs/performance.md (25 min; QUICK=1: 5 min, printed only)
	@tools/setup.sh bench
	@benches/run.sh

bench-compare: system release ## measure the quick part and compare with the committed baseline; fails on a regression
	@tools/setup.sh bench
	@benches/run.sh compare

deps: system ## system packages, and ONNX Runtime from its PyPI wheel into .deps/
	@tools/setup.sh onnxruntime

system:
	@tools/setup.sh system

release:
	cargo build --release
