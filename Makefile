# The house of the project. Needs nothing but a Python 3.11 to 3.13 with pip; uses uv where it is installed.
.DEFAULT_GOAL := help
SHELL := /bin/bash
BIN := .venv/bin
STAMP := .venv/.setup-done
PYTHON ?=
WENGANG_HOME ?= ./var
WORKERS ?= 2
export WENGANG_HOME

.PHONY: help setup run airflow test scheduled check proof lock docs bundle wheel clean

help: ## What can be made
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' $(MAKEFILE_LIST)

setup: $(STAMP) ## The environment of this project in .venv

$(STAMP): requirements.lock pyproject.toml
	@test -x $(BIN)/python || { \
	  for candidate in $(PYTHON) python3.11 python3.12 python3.13 python3; do \
	    "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' \
	      2>/dev/null && found="$$candidate" && break; \
	  done; \
	  test -n "$${found:-}" || { echo "no Python 3.11 to 3.13 with venv found: install one, or say make PYTHON=path" >&2; exit 1; }; \
	  echo "environment: .venv, made by $$found"; "$$found" -m venv .venv; }
	@echo "packages: as requirements.lock says, hashes verified"
	@if command -v uv >/dev/null; then \
	  uv pip sync --quiet --require-hashes --python $(BIN)/python requirements.lock && \
	  uv pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python -e . ; \
	else \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . ; \
	fi
	@touch $@

run: setup ## A generated city and three nights on it, in WENGANG_HOME (default ./var)
	$(BIN)/wengang demo

airflow: setup ## Airflow on this host with the DAGs, for trying: SQLite, Ctrl-C ends it
	$(BIN)/python -m deploy.stack serve --work $(WENGANG_HOME)/airflow --database sqlite --port 8080

test: setup ## All tests but the long proofs
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not proof and not scheduler"

scheduled: setup ## Nights through a real Airflow on PostgreSQL
	$(BIN)/python -m pytest -m "scheduler and not proof"

proof: setup ## The long proofs
	$(BIN)/python -m pytest -m proof

check: setup ## Style, types, import rules, generated documents
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pipelines.dictionary --check
	$(BIN)/python -m pipelines.star_manual --check
	$(BIN)/python -m deploy.manual --check

docs: setup ## Write the generated documents again
	$(BIN)/python -m pipelines.dictionary
	$(BIN)/python -m pipelines.star_manual
	$(BIN)/python -m deploy.manual

lock: ## Resolve requirements.lock again (needs uv); it names no registry
	uv pip compile --universal --all-extras --generate-hashes --no-header --no-annotate --quiet \
	  -o requirements.lock pyproject.toml
	sed -i 's/^celery==/celery[redis]==/' requirements.lock  # else pip looks past the pin where celery is not installed yet

bundle: setup ## dist/*-bundle.tar.gz: one archive from which a host without any network installs and runs
	$(BIN)/python -m deploy.bundle --out dist

wheel: setup ## dist/*.whl
	$(BIN)/python -m build --wheel --no-isolation --outdir dist

clean: ## Away with the environment, the caches and what was built; homes stay
	rm -rf .venv dist build .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
