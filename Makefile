# Everything that a person or CI does here. `make` alone lists it.

PYTHON ?= python3
SECONDS ?= 600
SERVE ?= 1
SHOP ?= demo

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ENDCAP = $(BIN)/endcap
given = $(or $($(1)),$(error Say which: make $@ $(1)=…))
PYTEST = OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help demo test test-all check format fuzz bench serving growth models peers docs clean $(VENV)

help: ## list these
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 12

demo: export ENDCAP_SHOP = $(SHOP)
demo: $(READY) $(SHOP)/endcap.toml ## real data through the whole line, then the service; SERVE=0 stops after the report
	@$(ENDCAP) import completejourney:
	@$(ENDCAP) prepare
	@$(ENDCAP) fit
	@$(ENDCAP) evaluate
	@test "$(SERVE)" = 0 || $(ENDCAP) serve --replay

test: check ## all checks, and all tests that are quick
	@$(PYTEST) -m "not slow"

test-all: check ## all checks and all tests
	@$(PYTEST)

check: $(READY) ## format, lint, types, layers
	@$(BIN)/ruff format --quiet --check . || { echo "Run \`make format\`."; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@layers=$$($(BIN)/lint-imports) || { echo "$$layers"; exit 1; }
	@echo "Format, lint, types and layers are fine."

format: $(READY) ## put the code into the one format
	@$(BIN)/ruff check --quiet --fix-only . && $(BIN)/ruff format --quiet .

fuzz: $(READY) ## readers against files made to break them; SECONDS says how long; needs '.[fuzz]'
	@$(BIN)/python -m tests.sources.fuzz -max_total_time=$(SECONDS)

bench: $(READY) peers ## accuracy, and speed beside others: make bench EVENTS=events.parquet ITEMS=items.parquet
	@$(BIN)/python -m benchmarks.preparing
	@$(BIN)/python -m benchmarks.next_item $(call given,EVENTS) $(if $(ITEMS),--items $(ITEMS))
	@$(BIN)/python -m benchmarks.speed $(call given,EVENTS)

serving: $(READY) ## requests and events a second of the service, on a synthetic shop
	@$(BIN)/python -m benchmarks.serving --events

growth: $(READY) ## time and memory on logs of 1 to 50 million events (hours); SIZES="1:10 10:100" for some
	@$(BIN)/python -m benchmarks.growth $(SIZES)

models: $(READY) ## all models on all data sets, into docs/models.md (hours): make models DATA=folder
	@$(BIN)/python -m benchmarks.models $(call given,DATA)

peers: build/peers/frames/.ready build/peers/recbole/.ready build/peers/rectools/.ready ## install what Endcap's speed is compared with

build/peers/%/.ready: benchmarks/peers/%.txt
	@echo "Installing into $(@D); the first time this takes a few minutes."
	@$(PYTHON) -m venv $(@D)
	@$(@D)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

docs: $(READY) ## write docs/reference from the code
	@$(BIN)/python docs/generate.py

clean: ## remove the virtual environment and all caches
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV): $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2> /dev/null \
		|| { echo "Endcap needs Python 3.11 to 3.13 with venv; say which with PYTHON=…"; exit 1; }
	@echo "Installing into $(VENV); the first time this takes a few minutes."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[demo,dev]'
	@touch $@

$(SHOP)/endcap.toml: configs/demo.toml
	@mkdir -p $(@D) && cp $< $@
