# Every target sets up what it needs: a virtual environment from the lock file. The generated code is committed.
PYTHON ?= python3
PORT ?= 9000
SEED ?= $(shell $(PYTHON) -c "import secrets; print(secrets.randbelow(2**32))")
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
EXAMPLES ?= 1000
FUZZED := $(addprefix tests/property/test_,hostile_bytes.py grpc_framing.py discovery_input.py transcoding.py)
CODE := compiler runtime cli tests specs .ci

.DEFAULT_GOAL := help
.PHONY: help setup run test unit laws fuzz golden generate proto lint format types arch check fresh wheel smoke bench lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv with everything, pinned by requirements.lock

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version) if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

run: $(STAMP) ## serve the shopping cart on port 9000 (PORT=... for another)
	$(BIN)/cloudstate compile specs/shopping-cart
	$(BIN)/cloudstate run specs/shopping-cart --port $(PORT)

test: $(STAMP) ## all tests, in two processes
	$(BIN)/python -m pytest -n 2 --dist loadfile

unit: $(STAMP) ## the fast tests: no sockets, no processes
	$(BIN)/python -m pytest -n 3 --dist worksteal tests/unit specs

laws: $(STAMP) ## the laws of the CRDTs, 10,000 examples each (about half an hour; SEED=... repeats a run)
	$(BIN)/python -m pytest -n 2 tests/property/test_crdt_laws.py --hypothesis-profile=laws --hypothesis-seed=$(SEED)

fuzz: $(STAMP) ## any bytes at every door (SEED=... repeats a run, EXAMPLES=10000 takes longer)
	EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest -n 2 tests/fuzz $(FUZZED) --hypothesis-profile=fuzz --hypothesis-seed=$(SEED)

golden: $(STAMP) ## refresh the golden files, then show what changed
	$(BIN)/python -m pytest tests/golden --snapshot-update
	git --no-pager diff --stat -- tests/golden

generate: proto ## rewrite everything under generated/
	$(BIN)/cloudstate compile specs

proto: $(STAMP) ## rewrite generated/cloudstate/ from protocols/
	$(BIN)/python -m grpc_tools.protoc -I protocols --python_out=generated --pyi_out=generated protocols/cloudstate/*.proto

fresh: generate ## fail unless generated/ is what the compiler makes of protocols/ and specs/
	git --no-pager diff --exit-code -- generated
	@test -z "$$(git status --porcelain --untracked-files=all -- generated)" || \
	  { echo "not in git:"; git status --short --untracked-files=all -- generated; exit 1; }

lint: $(STAMP) ## check format and style
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/ruff check $(CODE)

format: $(STAMP) ## put format and style right where a tool can
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

types: $(STAMP) ## mypy --strict and pyright
	$(BIN)/mypy
	$(BIN)/pyright

arch: $(STAMP) ## the import contracts of ARCHITECTURE.md
	$(BIN)/lint-imports

check: lint types arch test ## what CI runs, without the clean-machine steps

wheel: $(STAMP) ## build dist/*.whl
	rm -rf dist
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation -w dist .

smoke: wheel ## install the wheel somewhere else and use it: init, compile, run, one request
	$(BIN)/python .ci/smoke.py dist/*.whl

bench: $(STAMP) ## the figures of docs/performance.md, measured on this machine
	$(BIN)/python -m tests.bench

lock: ## pin anew what is installed (needs uv)
	uv pip compile pyproject.toml --group dev --universal --generate-hashes --no-emit-index-url --no-annotate --no-header -o requirements.lock

clean: ## remove the virtual environment and what was built
	rm -rf $(VENV) dist build
