# Every target sets up what it needs: a virtual environment from the lock file, and the generated code.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
CODE := compiler runtime cli tests specs

.DEFAULT_GOAL := help
.PHONY: help setup run test unit golden generate proto lint types arch check bench lock wheel clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv with everything, pinned by requirements.lock

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version) if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

run: $(STAMP) ## serve the shopping cart on port 9000
	$(BIN)/cloudstate compile specs/shopping-cart
	$(BIN)/cloudstate run specs/shopping-cart

test: $(STAMP) ## all tests
	$(BIN)/python -m pytest

unit: $(STAMP) ## the fast tests: no sockets, no processes
	$(BIN)/python -m pytest tests/unit

golden: $(STAMP) ## refresh the golden files, then show what changed
	$(BIN)/python -m pytest tests/golden --snapshot-update
	git --no-pager diff --stat -- tests/golden

generate: proto ## rewrite everything under generated/
	$(BIN)/cloudstate compile specs/shopping-cart

proto: $(STAMP)
	$(BIN)/python -m grpc_tools.protoc -I protocols --python_out=generated --pyi_out=generated protocols/cloudstate/*.proto

lint: $(STAMP) ## format and lint
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)

types: $(STAMP) ## mypy --strict and pyright
	$(BIN)/mypy
	$(BIN)/pyright

arch: $(STAMP) ## the import contracts of ARCHITECTURE.md
	$(BIN)/lint-imports

check: lint types arch test ## what CI runs, without the clean-machine steps

bench: $(STAMP) ## the figures of docs/performance.md, measured on this machine
	$(BIN)/python -m tests.bench

wheel: $(STAMP)
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation -w dist .

lock: ## pin anew what is installed (needs uv)
	uv pip compile pyproject.toml --group dev --universal --generate-hashes --no-emit-index-url --no-annotate --no-header -o requirements.lock

clean: ## remove the virtual environment and what was built
	rm -rf $(VENV) dist build
