# make demo   from nothing to the gallery page and JupyterLab on the quickstart (LAB=0 stops after the page)
# make test   from nothing to every check and test, browser and JavaScript included
# make help   the rest

SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
LAB ?= 1
PIP := $(BIN)/python -m pip install --disable-pip-version-check -q -c binder/constraints.txt
PAGE := demo/gallery.html
# Jupyter refuses to run as root unless told; a container often has no other user.
LAB_COMMAND = $(BIN)/jupyter lab notebooks/00_quickstart.ipynb $(if $(filter 0,$(shell id -u)),--allow-root)

.PHONY: help demo test lint js-check pytest format build dev gallery node chromium train clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

# Two stamps: a demo needs no test tools. Each is made again when what it installs from has changed.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "interpwidgets needs Python 3.10 or newer: make PYTHON=python3.11 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "No virtual environment could be made: on Debian, apt-get install python3-venv"; exit 1; }

$(VENV)/.demo: $(BIN)/python pyproject.toml binder/constraints.txt
	@echo "Installing interpwidgets and JupyterLab into $(VENV) (a few minutes the first time) ..."
	@$(PIP) -e ".[lab]"
	@touch $@

$(VENV)/.test: $(BIN)/python pyproject.toml binder/constraints.txt
	@echo "Installing interpwidgets and its test tools into $(VENV) (a few minutes the first time) ..."
	@$(PIP) -e ".[test]"
	@touch $@

demo: $(VENV)/.demo ## everything from nothing to the quickstart notebook
	@$(BIN)/interpwidgets demo --out $(PAGE)
ifeq ($(LAB),1)
	$(LAB_COMMAND)
endif

test: $(VENV)/.test lint js-check pytest ## everything from nothing to all tests

lint: $(VENV)/.test ## ruff and pyright
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

node:
	@command -v npm >/dev/null || { echo "The JavaScript checks need Node 20 or newer (https://nodejs.org)."; exit 1; }

js/node_modules: js/package.json js/package-lock.json | node
# npm writes a lock without some optional binaries of other platforms and then refuses it. The four tools are pinned in
# package.json either way; what they depend on is only where the lock is taken.
	cd js && { npm ci --no-fund --no-audit 2>/dev/null || npm install --no-save --no-fund --no-audit; }
	@touch $@

js-check: js/node_modules ## tsc, Biome, vitest, and that the committed build is what the sources give
	cd js && npm run --silent check && npm test --silent
	@kept=$$(mktemp -d) && cp interpwidgets/static/* $$kept && (cd js && npm run --silent build) \
	  && diff -rq $$kept interpwidgets/static || { echo "static/ was stale; it is rebuilt now: commit it."; exit 1; }

# The browser tests skip with a reason without Chromium; a machine where we may install it gets it.
chromium:
	@command -v chromium chromium-browser google-chrome >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	  && { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; }; } \
	  || echo "No Chromium and no way to install it: the browser tests will be skipped."

pytest: $(VENV)/.test chromium ## the Python tests, browser tests included
	$(BIN)/python -m pytest

format: $(VENV)/.test js/node_modules ## put all sources in shape
	$(BIN)/ruff check --fix -q . ; $(BIN)/ruff format -q .
	cd js && npm run --silent format

build: js/node_modules ## rebuild the committed front end
	cd js && npm run --silent build

dev: $(VENV)/.test js/node_modules ## JupyterLab in which every open widget reloads when its TypeScript is saved
	@$(PIP) watchfiles
	@(cd js && npm run --silent watch) & watcher=$$!; trap "kill $$watcher" EXIT; ANYWIDGET_HMR=1 $(LAB_COMMAND)

gallery: $(VENV)/.test ## every widget in every hard state, from fixtures, as one page
	@mkdir -p demo && $(BIN)/python -m tests.browser.gallery demo/fixtures.html && echo "Wrote demo/fixtures.html"

train: $(VENV)/.demo ## train storyworld, its tuned lens, its dictionaries and birdworld again, from the generators to the cards
	$(BIN)/python -m interpwidgets.worlds.storyworld.train --seed 0
	$(BIN)/python -m interpwidgets.worlds.storyworld.tune --seed 0
	$(BIN)/python -m interpwidgets.worlds.storyworld.dictionaries --seed 0
	$(BIN)/python -m interpwidgets.worlds.birdworld.train --seed 0

clean: ## remove what was installed and built here
	rm -rf $(VENV) js/node_modules demo dist
