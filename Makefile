# The two commands of the README are `make demo` and `make test`; the rest are habits.
# Everything is installed into .venv and node_modules of this folder and nowhere else.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
DEMO ?= demo
export PATH := $(abspath $(BIN)):$(PATH)
# Where it is set, every kernel, worker and command would compile the whole package anew.
unexport PYTHONDONTWRITEBYTECODE

FRONT := $(shell find labextension -type f -not -path '*/lib/*' 2>/dev/null) package.json

.PHONY: help demo lab test test-python test-ui test-front soak check format dev build bench screenshots lock clean

help: ## List the commands
	@grep -hE '^[a-z-]+:.*?## ' $(MAKEFILE_LIST) | awk -F ':.*?## ' '{printf "  make %-12s %s\n", $$1, $$2}'

demo: $(STAMPS)/installed ## Install, make the example, run its pipeline, open JupyterLab on it (LAB=0: do not open)
	$(BIN)/mlops-lab demo $(DEMO) $(if $(filter 0,$(LAB)),--no-lab)
	$(if $(filter 0,$(LAB)),@echo 'For the commands above: . $(BIN)/activate. For JupyterLab: make lab')

lab: $(STAMPS)/installed ## Open JupyterLab on the example of `make demo`
	$(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) --notebook-dir $(DEMO)

dev: $(STAMPS)/installed ## Set up for work on the project
	@echo "Ready: . $(BIN)/activate"

test: $(STAMPS)/installed ## Run every test: Python, TypeScript, a real browser
	@# The browser leaves a third of two cores idle; the rest keeps both busy.
	@status=0; said=$$(mktemp); \
	$(MAKE) --no-print-directory test-python || status=1; \
	$(MAKE) --no-print-directory test-front >"$$said" 2>&1 & front=$$!; \
	trap 'kill $$front 2>/dev/null || :; rm -f "$$said"' EXIT; \
	$(MAKE) --no-print-directory test-ui || status=1; \
	wait $$front || status=1; \
	cat "$$said"; \
	exit $$status

test-front: $(STAMPS)/node
	npm run --silent test:unit

test-python: $(STAMPS)/installed
	$(BIN)/python -m pytest -n 2 --dist worksteal --durations=20 -m "not browser and not soak"

# The browser's tests run in a process of their own, one after the other: they share one JupyterLab.
test-ui: $(STAMPS)/installed
	@if bash tests/ui/chromium.sh; then $(BIN)/python -m pytest --durations=10 -m browser tests; \
	else echo "SKIPPED: the browser tests (no chromium; see the line above)"; fi

soak: $(STAMPS)/installed ## Kill processes and have them write for longer than `make test` does; close the loop
	MLOPS_LAB_SOAK_S=20 MLOPS_LAB_KILLS=30 $(BIN)/python -m pytest tests/store/test_processes.py tests/data/test_processes.py
	$(BIN)/python -m pytest -m soak tests

check: $(STAMPS)/installed ## Run every linter and type checker
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --strict tests/typed_user.py
	$(BIN)/lint-imports
	npm run --silent lint

format: $(STAMPS)/installed ## Format what can be formatted
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	npm run --silent format

build: $(STAMPS)/installed ## Build the wheel into dist/
	rm -rf dist
	$(BIN)/uv build --wheel --no-build-isolation --python $(BIN)/python --out-dir dist .

bench: $(STAMPS)/installed ## Measure what claims to be fast, beside its peers; one JSON line each
	bash tests/bench/run.sh

screenshots: $(STAMPS)/installed ## Make the pictures of the README, light and dark (after `make demo`)
	bash tests/ui/chromium.sh
	$(BIN)/python tests/ui/screenshots.py --demo $(DEMO)

lock: $(STAMPS)/python ## Renew both lock files
	$(BIN)/uv pip compile pyproject.toml --all-extras --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-header --system-certs --upgrade -o requirements.lock
	npm install --package-lock-only

clean: ## Remove what was built and installed
	rm -rf $(VENV) node_modules build dist labextension/lib mlops_lab/_labextension mlops_lab/_static

# --- how it gets installed ------------------------------------------------------------------------

$(STAMPS)/python: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "MLOps Lab needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Name another: make PYTHON=python3.12 …"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@# Compiled here once: JupyterLab and its kernels may run where PYTHONDONTWRITEBYTECODE is set.
	$(BIN)/uv pip install --quiet --system-certs --compile-bytecode --require-hashes \
	  --python $(BIN)/python -r requirements.lock
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/node: package-lock.json package.json
	@node -e 'process.exit(+process.versions.node.split(".")[0] < 20 ? 1 : 0)' 2>/dev/null || \
	  { echo "MLOps Lab is built with Node 20 or newer; found: $$(node --version 2>/dev/null || echo none)."; exit 1; }
	npm ci --silent
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/front: $(STAMPS)/python $(STAMPS)/node $(FRONT)
	npm run --silent build:prod
	@mkdir -p $(STAMPS) && touch $@

# The editable install copies the built extension; the link makes later builds visible at once.
$(STAMPS)/installed: $(STAMPS)/front pyproject.toml
	SKIP_JUPYTER_BUILDER=1 $(BIN)/uv pip install --quiet --system-certs --no-deps \
	  --no-build-isolation --python $(BIN)/python -e .
	rm -rf $(VENV)/share/jupyter/labextensions/mlops-lab
	mkdir -p $(VENV)/share/jupyter/labextensions
	ln -s $(abspath mlops_lab/_labextension) $(VENV)/share/jupyter/labextensions/mlops-lab
	@touch $@
