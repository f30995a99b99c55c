# Everything runs in .venv, made from the pinned locks: requirements/lock.txt is what a worker needs, development.txt the tools beside it.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/installed

.PHONY: install demo test test-all test-portable wheel lint clean

install: $(STAMP)

LOCKS  := requirements/lock.txt requirements/development.txt requirements/train.txt

$(STAMP): $(LOCKS) pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 10) <= v <= (3, 13) else "webtext needs Python 3.10 to 3.13, this is %d.%d; try: make PYTHON=python3.11" % v)'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=24"
	$(BIN)/python -m pip install --quiet $(LOCKS:%=-r %)
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	@touch $@

demo: install
	$(BIN)/webtext demo --out demo-build

# Two processes, a file of tests at a time on each, so that a file's fixtures are made once; in the order of tests/conftest.py.
test: install
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

test-all: install
	$(BIN)/pytest -m "slow or not slow" --hypothesis-profile explore

# Workers that are separate processes with nothing but our wheel, the lock (no torch) and Google's packages, in an environment of their own.
WORKER := .venv-worker

$(WORKER)/installed: requirements/lock.txt requirements/dataflow.txt
	$(PYTHON) -m venv --clear $(WORKER)
	$(WORKER)/bin/python -m pip install --quiet --upgrade "pip>=24"
	$(WORKER)/bin/python -m pip install --quiet -r requirements/lock.txt -r requirements/dataflow.txt
	@touch $@

wheel: install
	rm -rf build dist
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

test-portable: wheel $(WORKER)/installed
	$(WORKER)/bin/python -m pip install --quiet --no-deps --force-reinstall dist/webtext-*.whl
	$(BIN)/pytest -m portable tests/portable --timeout 1800

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf demo-build build dist $(WORKER) .pytest_cache .mypy_cache .ruff_cache
