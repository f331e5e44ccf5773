# `make app` and `make test` do all the set-up on a fresh machine.
VENV := .venv
BIN := $(VENV)/bin
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
  $$p -c '$(SUPPORTED)' >/dev/null 2>&1 && echo $$p && break; done)
PIP := $(BIN)/python -m pip install --disable-pip-version-check --quiet --no-compile
# The lock files are complete: pip takes them as they are, and asks for no newer release of what an extra names.
LOCKED := $(PIP) --no-deps --require-hashes -r

.PHONY: install app test test-extras lint bench soak fuzz screenshots clean walk

install: $(VENV)/.app

# --no-compile: bytecode is made for the modules that are used, which halves the start of a first run's disk.
$(VENV)/.app: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Labelmend needs Python 3.11, 3.12 or 3.13: install one, or run make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(LOCKED) requirements.lock
	$(PIP) --no-deps --editable .
	$(BIN)/python -m pip check
	@touch $@

$(VENV)/.test: $(VENV)/.app requirements-test.lock
	$(LOCKED) requirements-test.lock
	$(BIN)/python -m pip check
	@touch $@

app: install
	$(BIN)/labelmend app --workspace .workspace

# One thread a worker: two workers that each start one for every core wait for each other, ten times as long.
# Bytecode is kept even where the shell says not to: the tests start Python some hundred times.
test: export OMP_NUM_THREADS := 1
test: export PYTHONDONTWRITEBYTECODE :=
test: $(VENV)/.test
	sh .ci/browser
	$(BIN)/python -m pytest -n 2 --dist loadfile --cov=core --cov-report=term:skip-covered --cov-fail-under=90

# Pretrained models with their real libraries and weights, in an environment of its own: on Linux PyTorch brings
# 5 GB of CUDA, which `make test` does without.
EXTRAS := .venv-extras
$(EXTRAS)/.done: requirements-extras.lock pyproject.toml
	$(PYTHON) -m venv $(EXTRAS)
	$(EXTRAS)/bin/python -m pip install --disable-pip-version-check --quiet --no-compile --no-deps --require-hashes -r requirements-extras.lock
	$(EXTRAS)/bin/python -m pip install --disable-pip-version-check --quiet --no-compile --no-deps --editable .
	$(EXTRAS)/bin/python -m pip check
	@touch $@

test-extras: export OMP_NUM_THREADS := 1
test-extras: export PYTHONDONTWRITEBYTECODE :=
test-extras: $(EXTRAS)/.done
	$(EXTRAS)/bin/python -m pytest tests/extras tests/core/models tests/core/test_pretrained.py

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.test
	$(BIN)/python -m tests.benchmarks

# Kills the server and PostgreSQL under 30 clients for 5 minutes each: make soak SOAK="--minutes 60 --seed 7"
soak: $(VENV)/.test
	$(BIN)/python -m tests.soak $(SOAK)

# Damaged files through the importers, ten minutes of processor time, and as long again led by atheris where it is
# installed (pip install "labelmend[fuzz]"): make fuzz FUZZ="--minutes 60 --seed 7"
fuzz: $(VENV)/.test
	$(BIN)/python -m tests.fuzz $(FUZZ)

screenshots: $(VENV)/.test
	sh .ci/browser
	$(BIN)/python -m tests.screenshots

# Two annotators differ, an adjudicator ends it: eight pictures.
walk: $(VENV)/.test
	sh .ci/browser
	$(BIN)/python -m tests.walk pages/pictures/walk

clean:
	rm -rf $(VENV) $(EXTRAS) .workspace
