# `make` says what can be done here.

.DEFAULT_GOAL := help
SHELL := /bin/sh

PYTHON := $(shell for p in python3 python3.13 python3.12 python3.11 python3.14; do \
	"$$p" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
USER_NAME := $(if $(filter command line,$(origin USER)),$(USER),alice)

# Packages are installed only when a lock has changed: the stamp is a copy of the lock it stands for.
define install
@test -n "$(PYTHON)" || { echo 'Python 3.11 or newer is needed (on Debian with python3-venv).' >&2; exit 1; }
@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV)
@cmp -s requirements/$(1).txt $(VENV)/$(1).lock || { \
	echo 'installing requirements/$(1).txt' && \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/$(1).txt && \
	cp requirements/$(1).txt $(VENV)/$(1).lock; }
endef

.PHONY: help
help:
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

##@ Use it
.PHONY: run demo verify token catalog reset
run: .run-packages ## start everything here; CONTROLLERS=n CARTDBS=n PORT_OFFSET=n DATABASE_SERVER_URL=… LOG_LEVEL=info
	@exec $(BIN)/python -m services.local.run

demo: .run-packages ## randomised shoppers against the running stack; ARGS="--shoppers 20 --seed 1"
	@exec $(BIN)/python demo.py --url "http://localhost:$$((8000 + $${PORT_OFFSET:-0}))" $(ARGS)

verify: .run-packages ## is everything right? checks every order, charge and stock count; ARGS=--live while the shop is busy
	@$(BIN)/python -m services.local.verify $(ARGS)

token: .run-packages ## a bearer token for a demo shopper; USER=alice
	@OIDC_ISSUER="$${OIDC_ISSUER:-http://localhost:$$((8003 + $${PORT_OFFSET:-0}))}" \
	  $(BIN)/python -m services.local.token --user $(USER_NAME)

catalog: .run-packages ## load goods into the running stack's catalog; FILE=goods.csv PRUNE=1 SET_STOCK=1
	@test -n '$(FILE)' || { echo 'say which file: make catalog FILE=goods.csv' >&2; exit 1; }
	@$(BIN)/python -m services.local.goods '$(FILE)' $(if $(PRUNE),--prune) $(if $(SET_STOCK),--set-stock)

reset: ## delete the data of make run (not that of compose)
	@for lock in .data/lock .data/*/lock; do \
	  if [ -s "$$lock" ] && kill -0 "$$(cat "$$lock")" 2>/dev/null; then \
	    echo 'the stack is running: stop it first' >&2; exit 1; \
	  fi; \
	done
	@rm -rf .data

##@ Use it in containers
.PHONY: up down
up: ## the same with docker compose
	@deploy/make-env
	docker compose up --build --detach --wait
	@echo 'shop: http://localhost:8000/shop/   API docs: http://localhost:8000/docs   stop: make down'

down: ## stop the containers, keep their data
	docker compose down --remove-orphans

##@ Change it
.PHONY: test test-browser faults fuzz test-compose bench-login check openapi other-shops audit sbom lock clean
test: .test-packages ## all tests, on servers that they start and stop; ARGS="-k cart"
	@$(BIN)/python -m pytest -q $(ARGS)

test-browser: .browser-packages ## the shop in tabs of a real browser, Chromium; BASE_URL=… for a running stack, CHROMIUM=/path/to/it
	@$(BIN)/python -m pytest -q tests/browser $(ARGS)

test-compose: .test-packages ## the integration tests against docker compose, which is started and stopped
	@deploy/test-compose $(ARGS)

faults: .test-packages ## the checkout on bad days, about 9 minutes, and a page of it; SEED=n, ARGS=--short or ARGS="--stage races"
	@$(BIN)/python -m tests.fault $(if $(SEED),--seed $(SEED)) $(if $(SEEDS),--seeds $(SEEDS)) $(ARGS)

fuzz: .test-packages ## all five OpenAPI documents against running services, 10 minutes; ARGS="--short", "--seed 1", "--service idp"
	@$(BIN)/python -m tests.fuzz $(ARGS)

bench-login: .test-packages ## how long sign-ins take, 50 at a time, and what the cart notices; ARGS="--seconds 20 --crowd 50"
	@$(BIN)/python -m tests.bench.login $(ARGS)

check: .check-packages ## lint, format and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

openapi: .run-packages ## write docs/openapi/*.json from the code
	@$(BIN)/python -m services.local.openapi

other-shops: .test-packages ## write docs/other-shops.md from the list of real failures
	@$(BIN)/python -m tests.fault.other_shops

audit: .audit-packages ## known holes in what the locks name, Python's and Node's; fails if it cannot ask, too
	@$(BIN)/python -m services.local.supply audit

sbom: .audit-packages ## bills of materials (CycloneDX) of the locks and the images, in build/sbom
	@$(BIN)/python -m services.local.supply sbom

lock: ## lock the dependencies anew; needs uv; ARGS=--upgrade
	@requirements/lock $(ARGS)

clean: ## delete the virtual environment and caches, keep data
	rm -rf $(VENV) build .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: .run-packages .test-packages .browser-packages .check-packages .audit-packages
.run-packages:
	$(call install,run)
.test-packages:
	$(call install,test)
.browser-packages:
	$(call install,browser)
.check-packages:
	$(call install,check)
.audit-packages:
	$(call install,audit)
