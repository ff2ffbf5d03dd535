# Every target sets up what it needs first; see bootstrap.py. Windows: docs/windows.md.
PYTHON ?= python3
VENV_PYTHON := .venv/bin/python

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run test lint chaos types check bench accuracy mutants samples screenshots messages lock for-run for-dev for-test

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: for-run ## set up, migrate, and start the site with its worker (PORT, DATA_DIR)
	@exec $(VENV_PYTHON) manage.py serve

test: for-test ## run every test, browser tests included, with branch coverage
	$(VENV_PYTHON) -m tests.databases

# Both runs, whether or not the first one fails; the target fails when one of them does.
PYTEST_OPTIONS = -n 2 --dist loadfile --no-loadscope-reorder --durations 10
chaos: for-test ## run the tests that take minutes (CHAOS_SEED, CHAOS_EXTRACTIONS)
	@status=0; \
	$(VENV_PYTHON) -m tests.postgresql $(PYTEST_OPTIONS) -m "vendor and chaos" || status=1; \
	$(VENV_PYTHON) -m pytest $(PYTEST_OPTIONS) -m chaos || status=1; \
	exit $$status

lint: for-dev ## check style, formatting, imports and that no migration is missing
	$(VENV_PYTHON) -m ruff check .
	$(VENV_PYTHON) -m ruff format --check .
	.venv/bin/lint-imports --no-cache --no-logo
	$(VENV_PYTHON) -m tests.imports
	$(VENV_PYTHON) manage.py makemigrations --check --dry-run

types: for-dev ## check types (mypy --strict)
	$(VENV_PYTHON) -m mypy

check: test lint types ## what CI runs

bench: for-test ## run the benchmarks
	$(VENV_PYTHON) -m benchmarks

accuracy: for-test ## measure what is read right and flagged, and write docs/accuracy.md (INVOICES)
	$(if $(INVOICES),INVOICES="$(abspath $(INVOICES))") $(VENV_PYTHON) -m benchmarks accuracy

# One at a time: they share a database. MUTANTS names some of them, such as "extraction.retry.*".
mutants: for-test ## change the code that moves money, bit by bit: a test must fail each time
	OCRSITE_SHARED=$${OCRSITE_SHARED:-$(abspath ../shared)} \
	$(VENV_PYTHON) -m mutmut run --max-children 1 $(if $(MUTANTS),"$(MUTANTS)")
	$(VENV_PYTHON) -m mutmut results

samples: for-dev ## draw the sample invoices again
	$(VENV_PYTHON) -m samples.make

messages: for-test ## find the texts of the pages in locale/, and compile their translations
	$(VENV_PYTHON) manage.py makemessages --locale de --locale ne \
	--no-location --no-wrap --no-obsolete --ignore tests --ignore benchmarks --ignore mutants
	$(VENV_PYTHON) manage.py compilemessages --locale de --locale ne --ignore .venv

screenshots: for-test ## take the pictures of README and docs again
	$(VENV_PYTHON) -m tests.screenshots

LOCK = $(VENV_PYTHON) -m uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links \
	--custom-compile-command "make lock" pyproject.toml

lock: for-dev ## compile the lock files from pyproject.toml
	$(LOCK) --output-file requirements.txt
	$(LOCK) --group dev --constraint requirements.txt --output-file requirements-dev.txt

for-run for-dev for-test: for-%:
	@$(PYTHON) bootstrap.py $*
