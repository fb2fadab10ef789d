# AnalyticLens: everything a person or a CI runs. `make help` lists the targets.
#
# The environment .venv is made by the targets themselves: its run-time part by `make up`, the rest by `make setup`.
# Each part leaves a stamp there; a stamp newer than its lock file means there is nothing to install.

SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime.stamp
DEV := $(VENV)/.dev.stamp
# The other OpenCV the engine's results are compared under, in a folder of its own that only that test looks into.
OTHER_OPENCV := $(VENV)/other-opencv

# The oldest Python that will do is 3.11; PYTHON=... chooses another than the first one found.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
# What is handed on: `make up ARGS="--port 8001"`, `make test T=tests/engine`, `make bench CHECK=1`.
ARGS ?=
T ?=
CHECK ?=
# Test processes beside one another, each with one thread: a second one waits in circles for a core that another test has.
N ?= 2
export OPENBLAS_NUM_THREADS ?= 1
export OMP_NUM_THREADS ?= 1
# Hundreds of processes start in a run of the tests: each would compile the same files again where none may keep what it compiled.
unexport PYTHONDONTWRITEBYTECODE
# OpenCV's sample photographs, for the tests and figures that look at them.
export AL_PHOTOGRAPHS ?= $(CURDIR)/$(VENV)/photographs

# An environment that was left half made, or whose Python is gone, is made anew.
ifneq ($(shell $(BIN)/python -c 'import pip' 2>/dev/null && echo whole),whole)
$(shell rm -f $(RUNTIME) $(DEV))
.PHONY: $(BIN)/python
endif

.PHONY: help up setup peers check format test test-full soak bench bench-accuracy lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

up: $(RUNTIME) ## install what is missing, then start orchestrator, watcher and the demonstration line (ARGS=...)
	@exec $(BIN)/analyticlens up $(ARGS)

setup: $(DEV) $(OTHER_OPENCV)/.stamp peers ## install what check, test and bench want, system packages included where that is allowed

check: setup ## lint, formatting, types, import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	PYTHONPATH=src:src/analyticlens/orchestrator $(BIN)/lint-imports

format: $(DEV) ## put the code into the house's form
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# The faults come last and apart: what they kill and start again takes both cores, and who waits beside them for a condition waits long.
# Their order is kept: the longest first.
test: setup ## run the tests (T=paths or options, N=processes)
	$(BIN)/python -m pytest -n $(N) --dist loadgroup $(or $(T),--ignore=tests/faults)
	$(if $(T),,$(BIN)/python -m pytest -n $(N) --dist loadgroup --no-loadscope-reorder tests/faults)

test-full: setup ## run the tests on what is drawn anew each time (RUNS=times, T=paths or options)
	@for run in $$(seq $(or $(RUNS),1)); do \
		$(BIN)/python -m pytest -n $(N) --dist loadgroup --seed fresh $(or $(T),--ignore=tests/faults) || exit 1; done
	$(if $(T),,$(BIN)/python -m pytest -n $(N) --dist loadgroup --no-loadscope-reorder --seed fresh tests/faults)

soak: setup ## run the faults long, by their number (ID=F16; all without)
	$(BIN)/python -m tests.soak $(ID)

bench: setup ## print the figures of the design (CHECK=1 fails on a miss)
	@missed=0; \
	$(BIN)/analyticlens bench $(if $(CHECK),--check) $(ARGS) || missed=1; \
	$(BIN)/analyticlens bench --orchestrator --postgresql $(if $(CHECK),--check) $(ARGS) || missed=1; exit $$missed

bench-accuracy: setup ## print how right each tool is (CHECK=1 fails on a miss, SEED=1, COUNT=100, ONLY=blob,circle)
	$(BIN)/analyticlens bench --accuracy $(if $(CHECK),--check) $(if $(SEED),--seed $(SEED)) \
		$(if $(COUNT),--count $(COUNT)) $(if $(ONLY),--only $(ONLY)) $(ARGS)

lock: ## write the lock files anew from pyproject.toml (ARGS=--upgrade takes newer versions)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet uv
	$(COMPILE) --extra all --group build --output-file requirements/runtime.txt pyproject.toml
	$(COMPILE) --extra all --group dev --constraint requirements/runtime.txt --output-file requirements/dev.txt pyproject.toml
	echo "opencv-python-headless>=4.14,<5" | $(COMPILE) --no-deps --output-file requirements/other-opencv.txt -

COMPILE = $(BIN)/uv pip compile $(ARGS) --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --custom-compile-command "make lock"

clean: ## remove the environment and what tools left behind; data is kept
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis test-results
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "AnalyticLens needs Python 3.11 or newer; none was found. Name one: make up PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "Making the environment in $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv --clear $(VENV) || { echo "python -m venv failed. On Debian and Ubuntu: apt install python3-venv" >&2; rm -rf $(VENV); exit 1; }

$(RUNTIME): requirements/runtime.txt pyproject.toml | $(BIN)/python
	@echo "Installing what AnalyticLens runs on (a minute or two, once)"
	@$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements/runtime.txt
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): requirements/dev.txt $(RUNTIME)
	@echo "Installing what the checks and tests run on"
	@$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

$(OTHER_OPENCV)/.stamp: requirements/other-opencv.txt | $(DEV)
	@echo "Installing the other OpenCV, to compare results under"
	@rm -rf $(OTHER_OPENCV)
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes --no-deps --target $(OTHER_OPENCV) \
		-r requirements/other-opencv.txt && touch $@ || echo "It could not be installed: its test will be skipped, or fail with REQUIRE_PEERS=1"

peers: ## install the system packages the tests drive, and fetch their photographs, or say which are missing
	@requirements/peers
	@requirements/photographs $(VENV)/photographs
