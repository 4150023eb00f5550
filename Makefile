# Two commands do all set-up on a fresh machine: `make up` and `make test`. Needed: Python >= 3.11, git, make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
LOCK_ID := $(shell cksum < requirements.lock | tr -d ' ')
STAMP := $(VENV)/.kotei-$(LOCK_ID)
RUN_LOCK_ID := $(shell cksum < requirements-run.lock | tr -d ' ')
RUN_STAMP := $(VENV)/.kotei-run-$(RUN_LOCK_ID)
# A package installed while its hash is checked cannot be swapped; this checkout itself is linked, not copied.
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: up down test check render bench scan setup setup-run hooks lock

up: setup hooks ## set up everything, start the local engine, push HEAD to it, serve staging
	@$(BIN)/kotei local up

down: setup ## stop the local engine; addresses and deployments are kept
	@$(BIN)/kotei local down

test: setup ## every test
	@$(BIN)/python -m pytest -n 3

check: setup ## everything the pipeline's Check stage checks
	@$(BIN)/kotei check

render: setup ## write the generated files
	@$(BIN)/kotei render

bench: setup ## measure ours beside its peers, write docs/bench (25 minutes, 2 cores with nothing else to do)
	@$(PIP) install --quiet --require-hashes -r requirements-bench.lock
	@$(BIN)/python -m tests.bench

scan: setup ## other people's scanners over every template, write docs/scanners.md (own virtual environment, 2 minutes)
	@test -x .cache/scan/bin/python || $(PYTHON) -m venv .cache/scan
	@.cache/scan/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes -r requirements-scan.lock
	@$(BIN)/python -m tests.scan .cache/scan/bin

setup: $(STAMP)

setup-run: $(RUN_STAMP) ## only what the pipeline's builds need that hold credentials; `make setup` has it, too

define install
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the locked packages into $(VENV) (about a minute)" >&2
	@$(PIP) install --quiet --require-hashes -r $<
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@rm -f $(VENV)/.kotei-*
endef

$(STAMP): requirements.lock
	$(install)
	@touch $(RUN_STAMP) $@

$(RUN_STAMP): requirements-run.lock
	$(install)
	@touch $@

hooks: setup ## the pre-commit hook, where this is a git checkout of its own
	@if git rev-parse --git-dir >/dev/null 2>&1; then $(BIN)/pre-commit install >/dev/null; fi

lock: ## resolve requirements*.in again
	@$(PYTHON) -m venv .cache/lock && .cache/lock/bin/python -m pip install --quiet uv
	@.cache/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-annotate --no-header --output-file requirements.lock requirements.in
	@for more in bench run; do \
	  .cache/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --constraint requirements.lock \
	    --no-emit-index-url --no-emit-find-links --no-annotate --no-header \
	    --output-file requirements-$$more.lock requirements-$$more.in || exit 1; \
	done
	@.cache/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-annotate --no-header --output-file requirements-scan.lock requirements-scan.in
