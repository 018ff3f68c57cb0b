# What one does with this project. `make` alone lists it.
#
# Environment variables that begin with ACRCTL_ are the service's settings (docs/reference/settings.md).
# PYTHON names the Python to make virtual environments with; ARGS is passed to pytest or the benchmark.

.DEFAULT_GOAL := help
.PHONY: help up down status logs dev test check fmt bench migrate openapi docs lock clean
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV := .venv
CLIENTS := .venv-clients
# Tests run in so many processes; the tests of one file stay together.
PROCESSES ?= auto
BIN := $(VENV)/bin
PIP := -m pip --disable-pip-version-check --quiet --no-input install --require-hashes --no-deps
SERVER := $(VENV)/.server-installed
DEVELOPMENT := $(VENV)/.development-installed
CLIENTS_READY := $(CLIENTS)/.installed
AZURITE := .venv-azurite
AZURITE_READY := $(AZURITE)/.installed
CODE := controlplane cli tests benchmarks

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- running the service

up: $(SERVER) ## Install, migrate and start the service, and wait until it is ready
	@$(BIN)/controlplane up

down: ## Stop the service; nothing is lost
	@if [ -x $(BIN)/controlplane ]; then $(BIN)/controlplane down; else echo "not installed, so not running"; fi

status: $(SERVER) ## Show what runs and whether it is well
	@$(BIN)/controlplane status

logs: $(SERVER) ## Show the logs and follow them
	@$(BIN)/controlplane logs --follow

# --- changing it

dev: $(DEVELOPMENT) ## Install everything needed to change and test the project
	@echo "ready: . $(BIN)/activate"

test: $(DEVELOPMENT) $(CLIENTS_READY) $(AZURITE_READY) ## Run all tests (ARGS="-k name" for some)
	@.ci/packages
	@$(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(DEVELOPMENT) ## Format, lint, types, layers, and drift of migrations, documents and locks
	@echo "format";     $(BIN)/ruff format --check --quiet . || { echo "run: make fmt" >&2; exit 1; }
	@echo "lint";       $(BIN)/ruff check --quiet .
	@echo "types";      $(BIN)/mypy --strict --no-error-summary $(CODE)
	@echo "layers";     $(BIN)/lint-imports --no-logo > $(VENV)/.layers 2>&1 || { cat $(VENV)/.layers; exit 1; }
	@echo "migrations"; $(BIN)/python .ci/drift.py
	@echo "documents";  for document in openapi settings coverage; do $(BIN)/controlplane $$document --check || exit 1; done
	@echo "locks";      $(BIN)/python .ci/locks.py

fmt: $(DEVELOPMENT) ## Format the code and apply safe fixes
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

bench: $(DEVELOPMENT) ## Measure against named peers (ARGS for options)
	@$(BIN)/python -m benchmarks $(ARGS)

migrate: $(DEVELOPMENT) ## Write a migration for changed tables (NAME="what changes")
	@[ -n "$(NAME)" ] || { echo 'say what changes: make migrate NAME="add a column to tags"' >&2; exit 1; }
	@state=$$(mktemp -d) && ACRCTL_STATE_DIR=$$state $(BIN)/controlplane db upgrade && \
	  ACRCTL_STATE_DIR=$$state $(BIN)/alembic revision --autogenerate -m "$(NAME)"; \
	  code=$$?; rm -rf "$$state"; exit $$code

openapi: $(DEVELOPMENT) ## Write docs/reference/openapi.json, settings.md and coverage.md anew
	@for document in openapi settings coverage; do $(BIN)/controlplane $$document --write || exit 1; done

lock: $(DEVELOPMENT) ## Resolve the dependencies anew and pin them
	@$(BIN)/python -m venv .venv-lock && .venv-lock/bin/pip --quiet install uv
	@cd requirements && for lock in server dev clients build; do \
	  case $$lock in \
	    server) what="../pyproject.toml --extra server" ;; \
	    dev) what="../pyproject.toml --extra server --group ../pyproject.toml:dev" ;; \
	    *) what=$$lock.in ;; \
	  esac; \
	  ../.venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	    --no-header --no-annotate --upgrade $$what -o $$lock.lock || exit 1; done

clean: down ## Remove what make installed (the state folder stays)
	@rm -rf $(VENV) .venv-clients .venv-lock $(AZURITE)

# --- what the targets stand on; each is done again when the file it comes from changes

$(VENV)/.made:
	@python=$$(.ci/python) && echo "making $(VENV) with $$($$python -V)" && $$python -m venv $(VENV) && touch $@

$(SERVER): requirements/server.lock requirements/build.lock pyproject.toml | $(VENV)/.made
	@echo "installing the service"
	@$(BIN)/python $(PIP) -r requirements/build.lock -r requirements/server.lock
	@$(BIN)/python -m pip --disable-pip-version-check --quiet install --no-deps --no-build-isolation -e .
	@touch $@

$(DEVELOPMENT): requirements/dev.lock $(SERVER)
	@echo "installing what tests and checks need"
	@$(BIN)/python $(PIP) -r requirements/dev.lock
	@touch $@

$(CLIENTS_READY): requirements/clients.lock | $(VENV)/.made
	@echo "installing the clients that the tests drive (az, SDKs); this takes a minute"
	@$(BIN)/python -m venv $(CLIENTS)
	@$(CLIENTS)/bin/python $(PIP) -r requirements/clients.lock
	@touch $@

$(AZURITE_READY): .ci/azurite/package.json .ci/azurite/package-lock.json
	@.ci/packages
	@echo "installing the Azure Blob Storage server that the tests drive"
	@mkdir -p $(AZURITE) && cp $^ $(AZURITE)/
	@npm ci --prefix $(AZURITE) --ignore-scripts --omit=dev --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@
