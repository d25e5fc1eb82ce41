# make demo   from nothing to a cited answer
# make test   every test
# `make help` lists the rest.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
QUESTION ?=

.PHONY: help demo test lint types docs docs-check wheel-smoke install install-dev models browser clean

help:
	@echo "make demo [QUESTION='…']  install, fetch models, ingest, index, answer with citations"
	@echo "make test                 every test (installs what it needs)"
	@echo "make lint types docs-check wheel-smoke   the other checks of .ci/run"
	@echo "make docs                 write docs/cli.md anew from the program"
	@echo "make clean                delete the environment"

demo: install
	@$(BIN)/pubmed-rag demo $(if $(QUESTION),"$(QUESTION)")

test: install-dev models browser
	$(BIN)/python -m pytest

lint: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install-dev
	$(BIN)/mypy

docs: install-dev
	$(BIN)/python -m pubmed_rag.ui.cli_help > docs/cli.md

docs-check: install-dev
	$(BIN)/python -m pubmed_rag.ui.cli_help | diff -u docs/cli.md - || (echo "docs/cli.md is out of date: run 'make docs'"; exit 1)

wheel-smoke: install-dev
	PYTHON="$(PYTHON)" .ci/wheel-smoke

install: $(VENV)/.installed
install-dev: $(VENV)/.installed-dev

# Never fails: without them, the tests that need a browser skip and say so.
browser:
	@.ci/browser || true

models: install
	$(BIN)/pubmed-rag models pull

$(VENV)/.created:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.installed: $(VENV)/.created pyproject.toml constraints.txt
	@echo "Installing. The first time, llama.cpp is compiled, which takes 4 to 15 minutes; pip keeps the result."
	$(PIP) install --progress-bar on -c constraints.txt -e .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) install --progress-bar on -c constraints.txt -e '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) build *.egg-info
