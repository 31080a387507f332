# Two commands matter: `make demo` shows a release going around the world, `make test` proves it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: demo demo-realcluster test test-realcluster realcluster lint types bench lock clean

demo: $(READY)
	$(BIN)/gitrel demo

test: $(READY) lint types
	$(BIN)/python -m pytest -n auto

# A real control plane for the tests that want one: built once from Go modules, into the user's cache.
ASSETS = $(shell tests/realcluster/build --where)

test-realcluster: $(READY) realcluster
	KUBEBUILDER_ASSETS=$(ASSETS) $(BIN)/python -m pytest tests/realcluster tests/contract $(ONLY)

# The demo with two regions on real control planes, in real time.
demo-realcluster: $(READY) realcluster
	KUBEBUILDER_ASSETS=$(ASSETS) $(BIN)/python -m tests.realcluster.demo

realcluster:
	tests/realcluster/build

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

bench: $(READY)
	$(BIN)/python -m benchmarks

# Exact versions with hashes; the project itself is installed from this folder without a build download.
$(READY): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "gitrel needs Python 3.11 or newer; name one with: make PYTHON=python3.12 …" >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "no virtual environment could be made: apt install python3-venv" >&2; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

lock:
	$(BIN)/uv pip compile pyproject.toml --extra dev --generate-hashes --universal --no-header \
	  --no-emit-index-url --no-emit-find-links --no-annotate --python-version 3.11 -o requirements.lock

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
