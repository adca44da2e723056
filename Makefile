# Everything runs in .venv, built from the lock file. `make demo` and `make test` need Python 3.11+ and make only.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PYTHONUNBUFFERED = 1

.PHONY: demo test check lint types bench accuracy trials docs transcripts notebook screenshots lock clean

demo: $(VENV)/.installed
	$(BIN)/twins --store demo-store demo

test: $(VENV)/.installed
	$(BIN)/pytest -n 2 --dist loadfile

check: lint types test

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed
	$(BIN)/mypy

bench: $(VENV)/.installed
	$(BIN)/python -m benchmarks

# Fifty random kills (of a run, a host, the driver, a node, everything), interruptions, full disks and failing object
# stores of each kind; a killer in every batch of 10,000 assets; a machine that runs out of memory. An hour or two.
trials: $(VENV)/.installed
	TWINS_TRIALS=50 $(BIN)/pytest tests/test_kill.py tests/test_compact.py tests/test_trials.py tests/test_full_disk.py \
		tests/test_flaky_object_store.py tests/test_many_killers.py tests/test_out_of_memory.py \
		tests/test_upload_kill.py tests/test_upload_histories.py

# Needs the reference data: TWINS_REFERENCE_DATA names its folder.
accuracy: $(VENV)/.installed
	$(BIN)/python -m benchmarks.accuracy

# The generated parts of the documentation, after a change of settings, manifests, errors, docstrings or figures.
docs: $(VENV)/.installed
	$(BIN)/python -m documentation.generated
	$(BIN)/python -m documentation.figures

# The console sessions of the README and the tutorial, where they have changed.
transcripts: $(VENV)/.installed
	$(BIN)/python -m documentation.transcripts

# The example notebook with its outputs; needs Chromium for the figure.
notebook: $(VENV)/.installed
	$(BIN)/python -m documentation.notebook

# The pictures of dashboards and of a terminal, taken of a demo fleet; needs Chromium.
screenshots: $(VENV)/.installed
	$(BIN)/python -m documentation.screenshots

# After a change of dependencies in pyproject.toml; needs uv.
lock:
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
		--no-emit-index-url --no-header --output-file requirements.txt

$(VENV)/.installed: requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

clean:
	rm -rf $(VENV) demo-store demo-store-events
