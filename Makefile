# Every target sets up what it needs: Python 3.11 or later, make and a package index are enough.

PYTHON ?= python3
HISTORIES ?= 2000000
ROWS ?= 1000000
SOAK ?= 600
KILLS ?= 5000
SEED ?= 1
MINUTES ?= 30
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# One more than the machine has cores: some crash tests only wait for a clock.
JOBS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))

.PHONY: setup demo test spark check bench bench-xl chaos coverage mutate clean

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

# Tests on a Spark cluster of this machine: Java 17 or later, and 500 MB for the server, once.
spark: $(READY) .spark/.ready
	$(BIN)/python -m pytest -n0 tests/spark

.spark/.ready:
	$(PYTHON) -m venv .spark
	.spark/bin/python -m pip install --quiet --disable-pip-version-check pyspark==4.3.0 pyarrow==26.0.1 numpy==2.4.6
	touch .spark/.ready

check: $(READY)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml audsync

bench: $(READY)
	$(BIN)/python -m benchmarks.run --rows $(ROWS)

# A hundred million profiles: half an hour, 40 GB of disk while it runs.
bench-xl: $(READY)
	$(BIN)/python -m benchmarks.run --only plan-xl size

# Takes many hours; stopped and started again with the same SEED, it goes on. What was done is in
# build/chaos.json and in docs/reliability.md. Shorter: make chaos HISTORIES=100000 KILLS=200 SOAK=60
chaos: $(READY)
	$(BIN)/python -m tests.faults.chaos --histories $(HISTORIES) --kills $(KILLS) --soak $(SOAK) --seed $(SEED)

coverage: $(READY)
	$(BIN)/python -m coverage run -m pytest -q -n0 tests/sim tests/store tests/services tests/unit/sync --seeds 2000
	$(BIN)/python -m coverage report --show-missing

mutate: $(READY)
	$(BIN)/python -m tests.sim.mutate --minutes $(MINUTES) --seed $(SEED)

clean:
	rm -rf $(VENV) .spark build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .grimp_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
