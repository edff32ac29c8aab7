# Every target sets up what it needs: Python 3.11 or later, make and a package index are enough.

PYTHON ?= python3
SEEDS ?= 20000
ROWS ?= 1000000
SOAK ?= 600
KILLS ?= 1
MINUTES ?= 10
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# One more than the machine has cores: some crash tests only wait for a clock.
JOBS ?= $(shell echo $$(($$(getconf _NPROCESSORS_ONLN) + 1)))

.PHONY: setup demo test check bench chaos coverage mutate clean

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

# SEEDS histories; every kill, from KILLS on; a soak of SOAK seconds. docs/reliability.md has the results.
chaos: $(READY)
	mkdir -p build
	AUDSYNC_CHAOS=1 AUDSYNC_CHAOS_SEED=$(KILLS) $(BIN)/python -m pytest tests/sim tests/crash tests/faults \
		-n $(JOBS) --seeds $(SEEDS) --junitxml build/chaos.xml
	$(BIN)/python -m tests.faults.soak --seconds $(SOAK) --seed $(KILLS) --out build/soak.json
	$(BIN)/python -m tests.faults.report build/chaos.xml build/soak.json

coverage: $(READY)
	$(BIN)/python -m coverage run -m pytest -q -n0 tests/sim tests/store tests/services tests/unit/sync --seeds 2000
	$(BIN)/python -m coverage report --show-missing

mutate: $(READY)
	$(BIN)/python -m tests.sim.mutate --minutes $(MINUTES)

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .grimp_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
