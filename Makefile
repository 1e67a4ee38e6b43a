# Everything happens in a virtual environment of this checkout; no root is needed.
#
#   make demo     calibrate a small simulated period and say where the report is
#   make test     all that continuous integration checks
#
# TORCH names what pip installs for PyTorch, by default the version that the tests are run with;
# elsewhere a CPU build may need TORCH='torch --index-url https://...';
# VENV names the environment, PYTHON (3.11 or newer) makes it. JOBS processes share the tests.

PYTHON ?= python3
TORCH ?= torch==2.13.0
VENV ?= .venv
JOBS ?= 2
BIN := $(abspath $(VENV))/bin
PLUGINS := $(dir $(wildcard plugins/*/pyproject.toml))
READY := $(VENV)/.ready

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Waiting threads give way: spinning ones make a busy machine many times slower.
export OMP_WAIT_POLICY := PASSIVE

.PHONY: demo test lint clean
.DEFAULT_GOAL := test

demo: $(READY)
	rm -rf demo-out
	$(BIN)/kzcal demo --out demo-out

# Every process calculates with one thread; files with slow tests go first, so that none is left last.
test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# PyTorch goes first and alone, so that the other packages find the build that was chosen.
$(READY): pyproject.toml $(wildcard plugins/*/pyproject.toml)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "kzcal needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet $(TORCH)
	$(BIN)/python -m pip install --quiet -e ".[dev]" $(addprefix -e ,$(PLUGINS))
	touch $@

clean:
	rm -rf $(VENV) demo-out .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
