# Targets are thin: each says in one line what it is; the work is in scripts/ and in `firetower`.
.PHONY: setup demo test check bench chaos
.DEFAULT_GOAL := setup

setup: ## everything that running needs, in this checkout and a cache; quick when run again
	@scripts/setup

demo: setup ## a running, populated system: prints the dashboard address and a login
	@exec .venv/bin/firetower demo

test: ## every test
	@scripts/test

check: ## formatting, lint, types, import borders, generated files
	@scripts/check

bench: ## measure this machine; writes reports/
	@scripts/setup --tests
	@mkdir -p reports
	@.venv/bin/firetower bench ingest --json reports/bench-ingest.json
	@.venv/bin/firetower bench ingest --rate 10000 --no-limits --json reports/bench-ingest-10k.json
	@.venv/bin/firetower bench backlog --json reports/bench-backlog.json
	@.venv/bin/firetower bench alarm --json reports/bench-alarm.json
	@.venv/bin/firetower bench api --json reports/bench-api.json
	@.venv/bin/python -m pytest -m bench tests/browser

chaos: ## long fault runs: kills, cuts and stalls under load, then reconciliation
	@scripts/setup --tests
	@.venv/bin/python -m pytest -s -m chaos --timeout 3600 tests/faults
