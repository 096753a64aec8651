# Everything one does with this repository. `make` lists it.
.DEFAULT_GOAL := help
.PHONY: help setup demo test unit coverage chaos long check format up down bench build lock clean

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PYTHONS := $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11 python
DEMO_SECONDS ?= 30
ROWS ?= 1e7
MINUTES ?= 5
COMPILE := $(BIN)/uv pip compile -q --universal --generate-hashes --no-header --no-annotate --python-version 3.11
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## a Python environment in .venv with everything in it, once per change of the lock

demo: $(READY) ## the whole pipeline on this machine, without Docker, for DEMO_SECONDS=30
	DEMO_SECONDS=$(DEMO_SECONDS) $(BIN)/python -m infra.demo

test: $(READY) ## every test, on real servers started here (PYTEST="-k words" chooses)
	@$(BIN)/python -m pytest $(PYTEST)

unit: $(READY) ## the tests that need no server
	@$(BIN)/python -m pytest tests/unit $(PYTEST)

coverage: $(READY) ## which lines and branches of the services the unit tests run; fails below the bound
	@mkdir -p var; folder=$$(mktemp -d var/coverage-XXXXXX); trap 'rm -rf "$$folder"' EXIT; trap 'exit 130' INT TERM; \
	export COVERAGE_FILE="$$folder/data"; \
	$(BIN)/coverage run -m pytest tests/unit $(PYTEST); tests=$$?; \
	$(BIN)/coverage combine -q && $(BIN)/coverage report && exit $$tests

chaos: $(READY) ## faults from SEED=n (default: a new one) for MINUTES=5, half for sinks, half for transforms, then audits
	$(BIN)/python -m tests.chaos --minutes $(MINUTES) $(if $(SEED),--seed $(SEED)) $(CHAOS)

check: $(READY) ## format, lint, types and import rules
	@find common producer consumer api infra -name '*.py' -exec wc -l {} + | awk '$$1 > 220 && $$2 != "total" {print "due for a split: " $$2 ", " $$1 " lines"}'
	@failed=0; for step in "ruff format --check ." "ruff check ." "mypy" "lint-imports --no-cache"; do \
	  echo "-- $$step"; $(BIN)/$$step || failed=1; \
	done; exit $$failed

long: $(READY) ## what takes too long for every change: long tests; chaos, an hour a half (MINUTES=120), into CHAOS.md
	$(BIN)/python -m pytest -m long $(PYTEST)
	$(BIN)/python -m tests.chaos --minutes $(if $(filter command line,$(origin MINUTES)),$(MINUTES),120) $(if $(SEED),--seed $(SEED)) --report CHAOS.md $(CHAOS)

format: $(READY) ## bring the code into shape
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

up: $(READY) ## three Kafka brokers and ClickHouse on this machine, without Docker
	$(BIN)/python -m infra.local up

down: $(READY) ## stop them
	$(BIN)/python -m infra.local down

bench: $(READY) ## how fast it is here, and against what, into BENCHMARKS.md (ROWS=1e8: a larger table)
	$(BIN)/python -m tests.bench --rows $(ROWS) $(BENCH)

build: $(READY) ## the wheel and the source archive of the services, into dist/
	rm -rf dist
	$(BIN)/python -m build --outdir dist .

lock: $(READY) ## pin the newest allowed version of every dependency
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(COMPILE) --upgrade --all-extras pyproject.toml -o requirements/all.lock
	$(COMPILE) --upgrade --extra fast pyproject.toml -o requirements/services.lock
	$(COMPILE) --upgrade --extra fast --extra api pyproject.toml -o requirements/api.lock

clean: ## remove what was built here, the environment too
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The compiled record decoder (aiokafka) is a comfort: where it has no wheel, everything works without it.
$(READY): requirements/all.lock | $(BIN)/python
	@echo "installing $< into $(VENV)"
	@$(INSTALL) --only-binary aiokafka -r $< || { \
	  echo "trying again without the compiled decoder (aiokafka)"; \
	  awk '/^[^ ]/ {skip = /^aiokafka==/} !skip' $< > $(VENV)/without-fast.lock; \
	  $(INSTALL) -r $(VENV)/without-fast.lock; }
	@touch $@

$(BIN)/python:
	@for python in $(PYTHONS); do \
	  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	  "$$python" -c 'import venv, ensurepip' 2>/dev/null || { unable="$${unable:-$$python}"; continue; }; \
	  echo "making $(VENV) with $$("$$python" --version)"; \
	  "$$python" -m venv $(VENV) && exit 0; \
	  rm -rf $(VENV); exit 1; \
	done; \
	if [ -n "$$unable" ]; then \
	  echo "$$unable cannot make a virtual environment: install its venv module (Debian, Ubuntu: apt install python3-venv)"; \
	else \
	  echo "no Python 3.11 or newer found (python3 is: $$(python3 --version 2>&1)): install one, or make PYTHON=/path/to/it"; \
	fi >&2; exit 1
