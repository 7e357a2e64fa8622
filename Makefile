# Targets are thin: each says in one line what it is; the work is in scripts/ and in `firetower`.
.PHONY: setup demo test check bench chaos containers evaluate soak overload summary busy
.DEFAULT_GOAL := setup

setup: ## everything that running needs, in this checkout and a cache; quick when run again
	@scripts/setup

demo: setup ## a running, populated system: prints the dashboard address and a login
	@exec .venv/bin/firetower demo

test: ## every test but the long runs (bench, chaos) and containers
	@scripts/test

check: ## formatting, lint, types, import borders, generated files
	@scripts/check

bench: ## measure this machine; writes reports/
	@scripts/bench

chaos: ## long fault runs: kills, cuts and stalls under load, then reconciliation
	@scripts/setup --tests
	@.venv/bin/python -m pytest -s -m chaos --timeout 3600 tests

containers: ## the services of docker-compose.yml in containers of podman, looked at from outside
	@scripts/containers

evaluate: ## early warning on twins of towns: packs, findings, scores in reports/detection
	@scripts/evaluate

soak: setup ## hours under an ordinary load (make soak HOURS=24); writes reports/soak.html
	@.venv/bin/firetower bench soak --hours $(or $(HOURS),2)

overload: setup ## ten times more than can be stored (make overload MINUTES=30); writes reports/overload.html
	@.venv/bin/firetower bench overload --minutes $(or $(MINUTES),30)

busy: ## every test ten times in a row on a busy machine (make busy RUNS=3); writes reports/busy.txt
	@scripts/busy $(or $(RUNS),10)

summary: setup ## one page over the last reports of the long proofs: docs/reports/summary.html
	@.venv/bin/firetower bench summary
