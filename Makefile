# Two commands: `make shop` runs Peyman here, `make test` tries all it promises. Both need only Python 3.11+ and make.

SHELL := /bin/bash
BIN := .venv/bin

.PHONY: help shop test lint proof bench screens lock env env-test

help: ## this list
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 12

shop: env ## run the shop in its sandbox and print its address (PORT=8000, DATA=var, ARGS=…)
	@exec $(BIN)/peyman up --tariff-sample $(if $(PORT),--port $(PORT)) $(if $(DATA),--data $(DATA)) $(ARGS)

test: ## lint, types, floors, and every test on SQLite and on PostgreSQL
	@scripts/test.sh

lint: env-test ## ruff, mypy and the floors
	@scripts/lint.sh

proof: env-test ## kill web, worker and database at random through a thousand orders (ARGS=…)
	@$(BIN)/python -m tests.proof.campaign $(ARGS)

bench: env-test ## the benchmarks beside their limits (NAME=finalise|pages|all)
	@PEYMAN_SANDBOX=1 $(BIN)/peyman bench $(or $(NAME),all) $(ARGS)

screens: env-test ## take the pictures of docs/screens anew
	@PEYMAN_SCREENS=docs/screens $(BIN)/pytest -m browser -q $(ARGS)

lock: ## resolve the dependencies anew
	@scripts/lock.sh $(ARGS)

env:
	@scripts/setup.sh run

env-test:
	@scripts/setup.sh test
