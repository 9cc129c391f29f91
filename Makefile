# Every target sets up what is missing first: environment, dependencies and, where servers run, container images.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help trial test unit bench soak lint images lock clean setup

BIN := .venv/bin
export PYTHON

help:  ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/make \1\t\2/' | expand -t 14

trial: images  ## the main job: real clusters, real faults, a table of verdicts (3 minutes)
	@$(BIN)/lockquake campaign campaigns/quick.toml

test: images  ## all tests, those on real servers among them
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

unit: setup  ## the tests that need no Docker
	@$(BIN)/python -m pytest tests/unit $(PYTEST_ARGS)

bench: setup  ## what the proxy costs, against a direct connection
	@$(BIN)/python -m benchmarks.proxy $(BENCH_ARGS)

soak: images  ## repeat everything that has a rate, and write docs/soak.md (half an hour)
	@$(BIN)/python -m benchmarks.soak --output docs/soak.md $(SOAK_ARGS)

lint: setup  ## style and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

images: setup  ## the container images: used, pulled or built
	@$(BIN)/lockquake images --ensure

lock:  ## resolve the dependencies anew (needs uv)
	@scripts/lock.sh

clean: ## remove what set-up and runs made in this checkout; images stay
	@if [ -x $(BIN)/lockquake ]; then $(BIN)/lockquake doctor --clean >/dev/null || true; fi
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@echo "removed .venv and caches; runs/ is kept (rm -r runs), images too (docker rmi lockquake/...)"

setup:
	@scripts/setup.sh
