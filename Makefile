# SPDX-License-Identifier: BSD-3-Clause
# Two commands do everything on a machine with python3, make and git:
#   make hub    install what is missing, then start the hub
#   make test   install what is missing, then run every check and test
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PORT ?= 8000
JOBS ?= 2

.PHONY: hub rehearse test lint types tests system lock clean help

help:          ## say what each target does
	@sed -n 's/^\([a-z]*\): *.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

hub: $(VENV)/ready  ## start the hub at http://127.0.0.1:8000 (PORT=…)
	@$(BIN)/labroom hub --port $(PORT)

rehearse: $(VENV)/ready  ## play a class of 12 through a hub of its own
	@$(BIN)/labroom rehearse --people 12

test: $(VENV)/ready system lint types tests  ## every check and test

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# The folders are renamed on installation, so types are checked on what a wheel installs.
types: $(VENV)/ready
	@rm -rf build/types && PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-index --no-build-isolation --target build/types .
	MYPYPATH=build/types $(BIN)/mypy --config-file pyproject.toml -p labroom.tools -p labroom.autograder -p labroom.hub_config
	$(BIN)/mypy --config-file pyproject.toml courses/lab.py

tests: $(VENV)/ready system
	$(BIN)/python -m pip check --disable-pip-version-check
	$(BIN)/pytest -n $(JOBS) --dist loadgroup

# Chromium drives the pages in the tests; the hub itself does not need it.
system:
	@$(PYTHON) .ci/system_packages.py

lock: $(VENV)/ready  ## renew requirements.lock: hashes, no addresses
	$(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-emit-index-url --no-header --all-extras --python-version 3.11 pyproject.toml -o requirements.lock

clean:         ## remove what was installed and built; the hub's data stays
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache

$(VENV)/ready: requirements.lock pyproject.toml
	@$(PYTHON) .ci/make_venv.py $(VENV)
	@touch $@
