# The one entry point, for people and for CI. Each target sets up what it
# needs; what is already there is not done again.

VENV ?= .venv
BUILD ?= build
JOBS ?= $(shell nproc)
LLVM ?= /usr/lib/llvm-22
BIN = $(abspath $(VENV))/bin
PYTHON = $(BIN)/python

CXX_FILES = $(shell find $(wildcard dialect lib tools python/src python/pockmlir/device test examples bench) \( -name '*.cpp' -o -name '*.h' -o -name '*.c' \) -not -path '*/model/*')
PY_DIRS = $(wildcard python test tools examples bench)

.DEFAULT_GOAL = build
SHELL = /bin/bash
# Runs the command $(2), and says how long the part $(1) of the tests took.
part = begin=$$SECONDS; $(2) && echo "$(1): $$((SECONDS - begin)) s"
# On a terminal, ninja shows how far it is in one line; elsewhere each step would be a line.
QUIET = $(if $(MAKE_TERMOUT),,--quiet)
# Why tests are skipped, and which take longest.
PYTEST = $(PYTHON) -m pytest -n $(JOBS) -rs --durations=10
.PHONY: help setup setup-test peers build demo test test-all lint format docs check-docs lit pytest pytest-all wheel clean

help: ## list the targets
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

setup: ## install what building and the demo need: Debian packages (as root), Python environment
	@tools/setup.sh $(VENV)

setup-test: ## also install what tests and linters need: emulators, cross compilers, Python packages
	@tools/setup.sh $(VENV) test

peers: ## install what bench/train.py compares with, each into .venv-peers (two gigabytes)
	@tools/peers.sh

# The interpreter is part of the configuration: another one, another build tree.
$(BUILD)/build.ninja: | setup
	cmake -S . -B $(BUILD) -G Ninja -DPython_EXECUTABLE=$(PYTHON) -DMLIR_DIR=$(LLVM)/lib/cmake/mlir

build: setup $(BUILD)/build.ninja ## build pock-opt and the Python module
	@times=/dev/null; [[ -e $(BUILD)/bin/pock-opt ]] || { mkdir -p out; times=out/times.txt; }; \
	  begin=$$SECONDS; flock $(BUILD)/build.ninja ninja -C $(BUILD) -j $(JOBS) $(QUIET) && \
	  if ((SECONDS - begin > 10)); then echo "C++ build: $$((SECONDS - begin)) s" | tee -a $$times; fi

# After the first set-up and build, also says how long these took: out/times.txt.
demo: build ## fine-tune a model on real data and say what it cost
	@begin=$$SECONDS; $(BIN)/pock demo || exit; took="demo: $$((SECONDS - begin)) s"; \
	  if [[ -e out/times.txt ]]; then echo; cat out/times.txt; rm out/times.txt; echo "$$took"; fi; \
	  printf '\nNext: docs/Guide.md, or what a step of this network needs, by layer and kernel:\n  %s\n' \
	    "$(VENV)/bin/pock inspect python/pockmlir/demo/mobilenet.py:MobileNetV2 --input 16x1x32x32"

test: lint check-docs lit pytest ## everything but the slow tests
test-all: lint check-docs lit pytest-all ## everything

lint: setup-test build ## formatting, ruff, mypy
	@$(BIN)/clang-format --dry-run -Werror $(CXX_FILES)
	@$(BIN)/ruff check --quiet $(PY_DIRS)
	@$(BIN)/ruff format --quiet --check $(PY_DIRS) || \
	  { echo "unformatted Python files; mend with: make format"; exit 1; }
	@$(BIN)/mypy --no-error-summary

format: setup-test ## format C++ and Python files
	@$(BIN)/clang-format -i $(CXX_FILES)
	@$(BIN)/ruff check --quiet --fix $(PY_DIRS)
	@$(BIN)/ruff format --quiet $(PY_DIRS)

docs: build ## generate docs/reference from the dialect's definitions
	@tools/docs.sh

check-docs: build
	@tools/docs.sh --check

lit: setup-test build
	@$(call part,lit,ninja -C $(BUILD) --quiet check-pock)

pytest: setup-test build
	@$(call part,pytest,$(PYTEST) -m "not slow")

pytest-all: setup-test build
	@$(call part,pytest,$(PYTEST))

wheel: setup ## build the wheels, which need no LLVM, into dist/
	@tools/wheel.sh $(VENV)

clean: ## remove what the build made; the Python environment stays
	rm -rf $(BUILD) dist out .mypy_cache .ruff_cache .pytest_cache
	rm -f python/pockmlir/_core*.so python/pockmlir/_core.pyi python/pockmlir/_ops/_pock_*_gen.py
