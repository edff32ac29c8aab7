# Every target sets up what it needs: Python 3.11 or later, make and a package index are enough.

PYTHON ?= python3
SEEDS ?= 20000
ROWS ?= 1000000
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# One more than a small machine has cores: some crash tests only wait for a clock.
JOBS ?= 3

.PHONY: setup demo test check bench chaos clean

setup: $(READY)

$(READY): pyproject.toml requirements-dev.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "audsync needs Python 3.11 or later: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $(READY)

demo: $(READY)
	$(BIN)/audsync demo

test: $(READY)
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal

check: $(READY)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml audsync

bench: $(READY)
	$(BIN)/python -m benchmarks.run --rows $(ROWS)

chaos: $(READY)
	AUDSYNC_CHAOS=1 $(BIN)/python -m pytest tests/sim tests/crash -n $(JOBS) --seeds $(SEEDS)

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .grimp_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
