# The commands of this project. Every target sets up what it needs; `make setup` is quick when
# nothing has changed. Needs Python 3.11 or newer with venv, and access to a package registry.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.set-up
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench clean

help:
	@echo "make setup   create $(VENV) and install recordingd with its tools"
	@echo "make demo    play ten calls against the emulated service and show what was recorded"
	@echo "make test    everything a change must pass"
	@echo "make check   the fast half of it: format, lint, types, import contracts"
	@echo "make bench   measure decisions, start-up and the ledger against plain baselines"
	@echo "make clean   remove $(VENV), .demo and caches"

setup: $(STAMP)

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "recordingd needs Python 3.11 or newer; name one with: make $(or $(MAKECMDGOALS),setup) PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "$(PYTHON) comes without venv; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "setup: virtual environment in $(VENV)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "setup: a current pip"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	@echo "setup: recordingd, its dependencies and tools (a minute or two the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[emulator]' --group dev
	@touch $@
	@echo "setup: done"

demo: setup
	$(BIN)/recordingd demo

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Tests differ widely in length, so idle workers take over what others have not begun. The tests of
# packaging share what they build within a file, so there a file stays with one worker.
test: check
	$(BIN)/pytest -n $(WORKERS) --dist=worksteal --ignore=tests/packaging
	$(BIN)/recordingd validate policies
	$(BIN)/recordingd test policies --coverage --threshold 100 --require-tests
	$(BIN)/pytest -n $(WORKERS) --dist=loadfile tests/packaging

bench: setup
	$(BIN)/python -m tests.bench

clean:
	rm -rf $(VENV) .demo .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache dist
