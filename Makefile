# SPDX-License-Identifier: Apache-2.0
# Everything that is made here lands in .venv/ and build/; `make help` lists the rest.

PYTHON ?= python3
export PYTHON

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
INSTALL := $(PIP) install --constraint constraints.txt
WITH_TOOLS := PATH="$(CURDIR)/$(BIN):$$PATH"
# Where `hectograph shell` keeps its environment.
DATA := XDG_DATA_HOME="$(CURDIR)/$(VENV)/share"
# What the stamps stand for is in the environment, so they go with it.
STAMPS := $(VENV)/stamps

SOURCES := pyproject.toml meson.build README.md $(shell find controller/hectograph controller/meson.build \
	host p4 -type f -not -path '*/__pycache__/*' -not -path '*/tests/*.py')

# Arguments of `make demo`: ARGS="tcp --clients 32 --file F --json"
ARGS ?=
ON := $(if $(TARGET),--target $(TARGET))

.DEFAULT_GOAL := help
.PHONY: help build demo test soak bench lint test-native p4 proto clean

help: ## This list
	@sed -En 's/^([a-z0-9-]+):[^#]*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

build: $(STAMPS)/package ## Install into .venv

demo: build ## 64 curls from one push, 16 while the pusher is killed, 16 by UDP; ARGS="cohort --clients N", TARGET=bmv2
ifeq ($(ARGS),)
	@$(WITH_TOOLS) hectograph demo cohort $(ON)
	@$(WITH_TOOLS) hectograph demo tcp --kill-pusher $(ON)
	@$(WITH_TOOLS) hectograph demo udp $(ON)
else
	@$(WITH_TOOLS) hectograph demo $(ARGS) $(ON)
endif

test: build $(STAMPS)/dev lint test-native ## Run every test
	@$(WITH_TOOLS) $(DATA) hectograph shell --prepare # needs a network, which the tests leave
	@$(WITH_TOOLS) $(DATA) python -m pytest -n 2 --dist loadgroup $(PYTEST_ARGS)

soak: build $(STAMPS)/dev ## What takes minutes, and examples that chance finds
	@$(WITH_TOOLS) python -m pytest --soak -m "soak or hypothesis" -s $(PYTEST_ARGS)

lint: build $(STAMPS)/dev ## ruff and pyright
	@$(WITH_TOOLS) ruff check --quiet .
	@$(WITH_TOOLS) ruff format --check --quiet .
	@$(WITH_TOOLS) pyright

test-native: $(STAMPS)/tools ## C unit tests under AddressSanitizer, UBSan and ThreadSanitizer
	@tools/test-native $(BIN)

bench: build $(STAMPS)/tools ## Measure, beside peers; BENCH="tcp faults" names some
	@$(WITH_TOOLS) ninja -C build/meson --quiet $(addprefix bench/,replicas tables sendmmsg afxdp download group_push silent_clients)
	@$(WITH_TOOLS) python bench/run.py build/meson/bench $(BENCH)

p4: ## Compile the pipeline with p4c on PATH or its Docker image
	@$(PYTHON) p4/compile.py

proto: $(STAMPS)/dev ## Generate the host protocol's code
	@tools/proto $(BIN)

clean: ## Remove all that was made
	@rm -rf $(VENV) build .pytest_cache .ruff_cache .hypothesis

$(STAMPS)/venv: tools/bootstrap
	@tools/bootstrap $(VENV)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/tools: $(STAMPS)/venv pyproject.toml constraints.txt
	@echo 'hectograph: installing build tools' >&2
	@$(INSTALL) --group build >&2
	@touch $@

$(STAMPS)/package: $(STAMPS)/tools $(SOURCES)
	@echo 'hectograph: building and installing' >&2
	@$(WITH_TOOLS) $(INSTALL) --no-build-isolation -Cbuild-dir=build/meson . >&2
	@touch $@

$(STAMPS)/dev: $(STAMPS)/venv pyproject.toml constraints.txt
	@echo 'hectograph: installing test tools' >&2
	@$(INSTALL) --group dev >&2
	@touch $@
