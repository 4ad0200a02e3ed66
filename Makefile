# Everything that a person or CI does here. `make` alone lists it.

PYTHON ?= python3
SERVE ?= 1
SHOP ?= demo

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ENDCAP = $(BIN)/endcap
PYTEST = OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help demo test test-all check format bench docs clean $(VENV)

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

bench: $(READY) ## next-item accuracy: make bench EVENTS=events.parquet ITEMS=items.parquet
	@$(BIN)/python benchmarks/next_item.py \
		$(or $(EVENTS),$(error Say which events: make bench EVENTS=events.parquet)) $(if $(ITEMS),--items $(ITEMS))

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
