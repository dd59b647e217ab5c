# Every target sets up what it needs by itself: Python 3.11 or later, Node and make are enough.
PYTHON ?= python3
NPM ?= npm
BIN := .venv/bin
UV := $(BIN)/uv
BUF := tests/js/node_modules/.bin/buf
PROTOS := $(sort $(wildcard protos/cronlane/v1/*.proto))
PROTOC := $(BIN)/uvx --quiet --from grpcio-tools==1.76.0 --with mypy-protobuf==5.1.0 python -m grpc_tools.protoc
PYTEST := $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help setup demo run test torture differential lint format protos protos-check sync-client check bench bench-soak how-far constraints

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

setup: .venv/.ready tests/js/node_modules/.ready  ## install everything into .venv and tests/js/node_modules

.venv/.ready: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --constraint constraints.txt --editable '.[server,postgres]' --group dev
	@touch $@

tests/js/node_modules/.ready: tests/js/package.json tests/js/package-lock.json
	cd tests/js && $(NPM) install --no-save --silent --no-audit --no-fund
	@touch $@

demo: .venv/.ready  ## the whole story of a cron, played on an embedded database
	$(BIN)/python examples/story/play.py

run: .venv/.ready  ## serve the bundled demo graph, or ./langgraph.json
	$(BIN)/cronlane serve

test: setup  ## all tests
	$(PYTEST) -n 4 --dist loadfile --no-loadscope-reorder $(ARGS)

torture: .venv/.ready  ## ten minutes of kill -9 and worse on a fleet, with an account of every tick; and builds that must fail it
	CRONLANE_TORTURE_SECONDS=$${CRONLANE_TORTURE_SECONDS:-600} $(PYTEST) -q tests/e2e/torture

differential: .venv/.ready  ## the same calls to LangGraph's own server and to cronlane, see docs/differences.md
	$(PYTEST) -q -rs --capture=no tests/differential

lint: setup  ## ruff, mypy, buf
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BUF) lint
	$(BUF) format --diff --exit-code protos

format: setup  ## put the code in form
	$(BIN)/ruff check --fix --exit-zero .
	$(BIN)/ruff format .
	$(BUF) format --write protos

protos: .venv/.ready  ## generate client/cronlane/v1 from protos/
	$(PROTOC) --proto_path=protos --python_out=client --grpc_python_out=client --mypy_out=client --mypy_grpc_out=client $(PROTOS)

sync-client: .venv/.ready  ## generate client/cronlane/_sync from client/cronlane/_async
	$(BIN)/python client/generate_sync.py

protos-check: .venv/.ready  ## fail when what is generated is not what is committed
	$(PYTEST) -q tests/test_generated.py

check: lint protos-check test  ## what CI calls

bench: .venv/.ready  ## the table of what it carries, against the bare wire and LangGraph's own server
	$(BIN)/python tests/bench $(ARGS)

bench-soak: .venv/.ready  ## ten minutes of 100,000 crons at 28 ticks a second: nothing but the ledger may grow
	$(BIN)/python tests/bench/soak.py $(ARGS)

how-far: .venv/.ready  ## measure everything again that docs/how-far.md tells; a quarter of an hour on a quiet machine
	$(BIN)/python tests/bench everything --json docs/how-far.json
	$(BIN)/python tests/bench/page.py

constraints: .venv/.ready  ## renew constraints.txt
	$(UV) pip compile --quiet --universal --upgrade --python-version 3.11 --extra server --extra postgres --group dev --no-header --no-annotate pyproject.toml --output-file constraints.txt
