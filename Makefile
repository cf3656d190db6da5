# make demo     from a bare clone to a table of verdicts; quick the second time
# make test     every check and test that this machine can run, and the live ones in the cluster root
# make check    lint, format, types and walls only
# make cluster  a root with TaskVine and HTCondor, where they are not native (needs root)
# make clean    remove what was generated here, but not .venv and .cluster
#
# PYTHON=...      the Python to make the environment with (3.11 or newer)
# PCM_TORCH=...   which torch to install, see .ci/install_torch

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CODE := pcm workers condor apps evaluations tests .ci/install_torch
TESTS ?=

# The environment is complete if the stamp of its definition is there.
DEFINITION := pyproject.toml constraints.txt .ci/install_torch
KEY := $(shell cat $(DEFINITION) | sha256sum | cut -c1-16)
STAMP := $(VENV)/complete-$(KEY)

.PHONY: help environment demo test check lint format types walls cluster clean

help:
	@sed -n 's/^# \(make [a-z]* .*\)/\1/p' Makefile

environment: $(STAMP)

$(STAMP):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "$(PYTHON) is too old: set PYTHON to a Python >= 3.11" >&2; exit 1; }
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	@rm -f $(VENV)/complete-*
	@echo "environment: installing into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt pip
	@$(BIN)/python .ci/install_torch
	@$(BIN)/python -m pip install --quiet -c constraints.txt \
		--editable '.[$(if $(filter none,$(PCM_TORCH)),parquet,inference,parquet)]' --group dev
	@touch $@

demo: $(STAMP)
	@$(BIN)/python -m apps.fact_verification --demo --out runs/demo

test: check
	@tests/cluster/build || echo "cluster: cannot be built here; what needs it is skipped"
	@$(if $(TESTS),$(BIN)/python -m pytest -rs $(TESTS),.ci/all_tests $(BIN)/python)

check: lint format types walls

lint: $(STAMP)
	$(BIN)/ruff check $(CODE)

format: $(STAMP)
	$(BIN)/ruff format --check $(CODE)

types: $(STAMP)
	$(BIN)/mypy

walls: $(STAMP)
	$(BIN)/lint-imports --no-cache | sed -n '/^Contracts$$/,$$p'

cluster:
	tests/cluster/build

clean:
	rm -rf build dist runs/demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find pcm workers apps evaluations tests -name __pycache__ -type d -prune -exec rm -rf {} +
