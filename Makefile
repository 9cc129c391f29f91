# Every target sets up what is missing first: environment, dependencies and, where servers run, container images.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help trial test unit bench bench-checker claims compare soak soak-checker lint images lock clean setup

BIN := .venv/bin
export PYTHON

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/make \1\t\2/' | expand -t 20

trial: ready  ## the main job: real clusters, real faults, a table of verdicts (3 minutes)
	@$(BIN)/lockquake campaign campaigns/quick.toml $(TRIAL_ARGS)

test: ready  ## all tests, those on real servers among them
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

unit: setup  ## the tests that need no Docker
	@$(BIN)/python -m pytest tests/unit $(PYTEST_ARGS)

bench: setup  ## what the proxy costs, against a direct connection
	@$(BIN)/python -m benchmarks.proxy $(BENCH_ARGS)

claims: setup  ## every claim against real trials: goes on where it was; the table is runs/claims/claims.md (hours)
	@$(BIN)/lockquake claims --measure runs/claims $(CLAIMS_ARGS)

compare: setup  ## Redis against ZooKeeper without faults: waits, fairness, wake-ups, cost; writes docs/comparison.md
	@$(BIN)/python -m benchmarks.compare --output docs/comparison.md $(COMPARE_ARGS)

bench-checker: setup  ## how fast the checker is, and what memory it takes; writes docs/benchmark-checker.md
	@$(BIN)/python -m benchmarks.checker --output docs/benchmark-checker.md $(BENCH_ARGS)

.PHONY: bench-recording
bench-recording: setup  ## what it costs to record and to observe; writes docs/benchmark-recording.md (four minutes)
	@$(BIN)/python -m benchmarks.recording --output docs/benchmark-recording.md $(BENCH_ARGS)

soak-checker: setup  ## compare the checkers with an exhaustive search on 100,000 histories a class (half an hour)
	@LOCKQUAKE_REFEREE_HISTORIES=100000 $(BIN)/python -m pytest tests/unit/checker/linear tests/unit/checker/search \
		tests/unit/checker/test_lease_order.py -k "agree or order" -o timeout=7200 $(PYTEST_ARGS)

soak: images soak-checker  ## repeat everything that has a rate, and write docs/soak.md (an hour)
	@$(BIN)/python -m benchmarks.soak --output docs/soak.md $(SOAK_ARGS)

.PHONY: mutants
mutants: setup  ## small changes to the checker's kernels, and whether its tests notice; writes docs/mutants.md (an hour)
	@test -d build/mutants/tool || $(BIN)/python -m pip install -q --target build/mutants/tool mutmut==3.8.1
	@$(BIN)/python -m benchmarks.mutants --tool build/mutants/tool $(MUTANTS_ARGS)

lint: setup  ## style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

images: setup  ## the container images: used, pulled or built
	@$(BIN)/lockquake images --ensure

.PHONY: servers
servers: setup  ## the servers that run without Docker: used, or fetched where that needs no root
	@$(BIN)/lockquake servers --ensure

# Docker where a daemon answers, processes where the server programs are; what is missing is said, not fatal.
.PHONY: ready
ready: setup
	@$(BIN)/lockquake images --ensure --best-effort
	@$(BIN)/lockquake servers --ensure --best-effort

.PHONY: fresh
fresh: setup  ## prove trial and test in a minimal root file system as an unprivileged user, without Docker (as root)
	@scripts/fresh.sh

lock:  ## resolve the dependencies anew (needs uv)
	@scripts/lock.sh

clean: ## remove what set-up and runs made in this checkout; images stay
	@if [ -x $(BIN)/lockquake ]; then $(BIN)/lockquake doctor --clean >/dev/null || true; fi
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@echo "removed .venv and caches; runs/ is kept (rm -r runs), images too (docker rmi lockquake/...)"

setup:
	@scripts/setup.sh
