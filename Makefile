# One command each, on a fresh machine: `make demo`, `make test`, `make check`.

PYTHON   ?= python3
VENV     ?= .venv
ARGS     ?=
VERSIONS := 3.11 3.12 3.13

BIN   := $(VENV)/bin
DEV   := $(VENV)/.dev
DEMO  := $(VENV)/.demo
DOCS  := $(VENV)/.docs
BENCH := $(VENV)/.bench
PIP   := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install -qq --editable
# Parallel, with each target's output in one piece where make can do that (4.0 and later).
SPLIT := $(MAKE) --no-print-directory --jobs=2 --keep-going \
         $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test simulate torture test-all lint format docs bench bench-compare check clean
.PHONY: ruff mypy pyright imports mirror $(VERSIONS:%=test-%)

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(DEV): extras = dev
$(DEMO): extras = cli
$(DOCS): extras = docs
$(BENCH): extras = bench
$(DEV) $(DEMO) $(DOCS) $(BENCH): pyproject.toml
	@echo "Installing campaigns-async[$(extras)] into $(VENV) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) '.[$(extras)]'
	@touch $@

# The developer's environment can run the demo too.
demo: $(if $(wildcard $(DEV)),$(DEV),$(DEMO)) ## Upload a real-life file to a campaign on a local service
	@$(BIN)/campaigns-async demo $(ARGS)

test: $(DEV) ## Run all tests (ARGS="-k wire" for some)
	@$(BIN)/pytest -q --numprocesses=auto $(ARGS)

simulate: $(DEV) ## Run the engine through simulated worlds (SEEDS=100000 START=0)
	@$(BIN)/python -m tests.simulation --seeds $(or $(SEEDS),12000) --start $(or $(START),0) $(ARGS)

torture: $(DEV) ## Kill uploads at every write of their journal (ARGS="tear" for one kind)
	@$(BIN)/python -m tests.torture $(ARGS)

test-all: $(VERSIONS:%=test-%) ## Run all tests on each supported Python that is found

# A pyenv shim exists for each version, but runs only those that are switched on: so try it.
$(VERSIONS:%=test-%): test-%:
	@for python in python$* "$$(pyenv root 2>/dev/null)"/versions/$*.*/bin/python; do \
	  if "$$python" -c '' 2>/dev/null; then \
	    echo "Python $*:"; \
	    exec $(MAKE) --no-print-directory test PYTHON="$$python" VENV=.venv-$*; \
	  fi; \
	done; echo "Python $*: skipped, for it is neither on the PATH nor under the pyenv root."

lint: $(DEV) ## Check style, types, import contracts and the mirror, without running anything
	@$(SPLIT) ruff mypy pyright imports mirror

ruff:
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet

mypy:
	@$(BIN)/mypy

pyright:
	@$(BIN)/pyright --pythonpath $(BIN)/python

imports:
	@$(BIN)/lint-imports --no-logo

mirror:
	@$(BIN)/python -m tests.mirror

format: $(DEV) ## Rewrite the code in the house's format
	@$(BIN)/ruff check --quiet --fix-only
	@$(BIN)/ruff format

docs: $(DOCS) ## Build the documentation into docs/_build (DOCS_ONLINE=1 checks links to other projects)
	@$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going --jobs=auto docs docs/_build/html
	@$(if $(DOCS_ONLINE),$(BIN)/python -m sphinx --quiet --builder linkcheck docs docs/_build/links)

bench: $(BENCH) ## Measure it beside what else one could take (QUICK=1 for a first look)
	@$(BIN)/python benchmarks/bench.py $(if $(QUICK),--quick) $(ARGS)

bench-compare: $(BENCH) ## Measure it beside another commit (BASE=main)
	@$(BIN)/python benchmarks/compare.py $(or $(BASE),main) $(ARGS)

check: lint ## Everything that CI runs
	@$(MAKE) --no-print-directory $(filter-out test-$(shell $(BIN)/python -c \
	  'import sys; print("%d.%d" % sys.version_info[:2])'),$(VERSIONS:%=test-%))
	@$(MAKE) --no-print-directory test ARGS='--cov --cov-context=test'
	@$(BIN)/python -m tests.mirror --measured
	@$(MAKE) --no-print-directory docs

clean: ## Remove environments, caches and results
	@rm -rf .venv .venv-* .*_cache .hypothesis .coverage* htmlcov dist docs/_build
