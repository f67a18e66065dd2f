# Everything a newcomer needs, with nothing installed but make and Python >= 3.11.
# `make` alone lists the targets. Extra arguments go through ARGS: make test ARGS="-k merkle".

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
STAMP := .venv/.installed
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input

.DEFAULT_GOAL := help
.PHONY: help install demo test check bench overlap-model overlap-eval lock checksums clean
.SILENT:

help: ## List the targets
	grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

install: $(STAMP) ## Make .venv with mfm in it, from the hash-pinned lock file

# --only-binary: nothing is compiled, so nothing outside the lock file is ever fetched.
$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "mfm needs Python 3.11 or newer, but '$(PYTHON)' says: $$($(PYTHON) --version 2>&1 | head -n 1)" >&2; \
	  echo "Name a newer one, for example: make install PYTHON=python3.12" >&2; exit 1; }
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv .venv || { \
	  echo "'$(PYTHON) -m venv' failed; on Debian and Ubuntu the package python3-venv provides it." >&2; exit 1; }
	echo "Installing the locked dependencies into .venv (a minute or two the first time) ..." >&2
	$(PIP) --only-binary :all: --require-hashes --requirement requirements.lock
	$(PIP) --no-deps --no-build-isolation --editable .
	touch $@

demo: $(STAMP) ## Play a whole chain of funding and serve it on 127.0.0.1:8000
	$(BIN)/mfm demo $(ARGS)

# A process a core, each with a database of its own; the tests of one file stay together.
test: $(STAMP) ## Run every test
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile $(ARGS)

# $(call step,name,command): one line when it passes; its whole output, and a stop, when it does not.
define step
	printf '%-14s' '$(1)'; if out=$$($(2) 2>&1); then echo ok; else echo FAILED; printf '%s\n\n' "$$out"; \
	  echo "make check stopped at '$(1)'. To repeat it alone: $(2)" >&2; exit 1; fi
endef

check: $(STAMP) ## Format, lint, types, import contracts, docstrings, rules of the house
	$(call step,format,$(BIN)/ruff format --check .)
	$(call step,lint,$(BIN)/ruff check .)
	$(call step,types,$(BIN)/mypy)
	$(call step,contracts,$(BIN)/lint-imports)
	$(call step,docstrings,$(BIN)/interrogate src)
	$(call step,house,$(BIN)/python -m pytest --quiet tests/house)

bench: $(STAMP) ## Measure, against PostgreSQL's own limits in the same run
	$(BIN)/python -m bench $(ARGS)

# The pairs they are trained and measured with lie beside the repository: ARGS="--data FOLDER".
overlap-model: $(STAMP) ## Train the matchers of organisations and projects
	$(BIN)/python -m bench.overlap_model $(ARGS)

overlap-eval: $(STAMP) ## Measure them on the labelled pairs
	$(BIN)/python -m bench.overlap_eval $(ARGS)

lock: $(STAMP) ## Renew requirements.lock from pyproject.toml (needs the network)
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --group dev $(ARGS) pyproject.toml -o requirements.lock

# Lines that stand are never rewritten: a migration that has been committed does not change.
checksums: ## Note the checksum of each new migration in migrations/CHECKSUMS
	cd migrations && touch CHECKSUMS && find . -name '[0-9]*.sql' | sed 's|^\./||' | sort | while read -r file; do \
	  grep -q "  $$file$$" CHECKSUMS || { sha256sum "$$file" 2>/dev/null || shasum -a 256 "$$file"; } >> CHECKSUMS; done

clean: ## Remove .venv, caches and built files (never any data)
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
