# Everything a person types. `make help` lists it.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help up restart test soak check bench lock format reset

PY := .venv/bin/python
SUITE ?=
ARGS ?=

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo "  PORT, HOST, DATABASE_URL, REDIS_URL and TRIBUTARY_VAR are honoured; PYTHON names the Python to use."

up: ## Run everything here: servers, migrations, web, pipeline, deliveries, jobs
	@scripts/python-env requirements.lock
	@exec $(PY) -m cdp_project.embedded.up

restart: ## Start the processes of a running `make up` anew, one after the other, without a gap
	@exec $(PY) -m cdp_project.embedded restart

test: ## Run all suites on services of their own; narrow with SUITE=unit and ARGS="-k words"
	@scripts/python-env requirements-dev.lock
	@scripts/browser
	@scripts/node-clients
	@exec $(PY) -m tests.services $(PY) -m tests.run $(SUITE) -- $(ARGS)

soak: ## Run the long fault runs
	@scripts/python-env requirements-dev.lock
	@exec $(PY) -m tests.services $(PY) -m tests.run soak -- $(ARGS)

check: ## Check format, lint, types, import contracts, migrations and the rules of storage
	@scripts/python-env requirements-dev.lock
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy .
	.venv/bin/lint-imports
	$(PY) -m tests.services sh -c '$(PY) manage.py makemigrations --check --dry-run && $(PY) manage.py check && \
		$(PY) -m pytest -q tests/conformance/test_storage_rules.py'

bench: ## Measure throughput and latency, print a table
	@scripts/python-env requirements-dev.lock
	@exec $(PY) -m tests.services $(PY) -m tests.benchmarks $(ARGS)

format: ## Format the code and mend what can be mended
	@scripts/python-env requirements-dev.lock
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

lock: ## Resolve the newest allowed packages into the lock files
	@scripts/python-env requirements-dev.lock
	@scripts/lock

reset: ## Remove the var folder with all data, after asking
	@scripts/reset
