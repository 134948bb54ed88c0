# Talkpath: every command a developer needs. `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.talkpath-installed

# Interop tests need SIPp, baresip and Asterisk, which `make peers` can install as root on Debian.
# Elsewhere: make test INTEROP=0
INTEROP ?= 1
TESTS ?=
PUBLISHED ?=
DOCS ?=
CALLS ?= 200
MINUTES ?= 20
SEED ?= 0
RACES ?= 1000

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore
# Tests start hundreds of processes of Talkpath: none of them compiles the sources again.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help venv pjsua2 peers check format diagrams docs test interop torture demo walkthrough run bench impairments
.PHONY: soak fuzz deb clean profile

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(STAMP) ## Create .venv with Talkpath, the demo and the tools of development

$(STAMP): pyproject.toml deploy/venv.sh
	@PYTHON="$(PYTHON)" VENV="$(VENV)" sh deploy/venv.sh
	@touch $@

pjsua2: venv ## Build pjsua2 from source and install it (PUBLISHED=1: the published wheel, 4 calls)
	@$(BIN)/python -m deploy.pjsua2.install $(if $(PUBLISHED),--published)

peers: venv ## Prepare the SIP peers of the interop tests: SIPp, baresip, Asterisk
	@$(BIN)/python -m tests.interop.peers.prepare

check: venv ## Lint, formatting, types, layers
	@echo "ruff check"; $(BIN)/ruff check --quiet .
	@echo "ruff format --check"; $(BIN)/ruff format --check --quiet .
	@echo "mypy"; $(BIN)/mypy
	@echo "lint-imports"; $(BIN)/lint-imports --no-logo

format: venv ## Format the sources
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

diagrams: venv ## Draw the state tables into docs/architecture.md
	@$(BIN)/python -m talkpath.bridge.diagrams

docs: venv ## Build the site of the documentation into build/site; broken links are errors
	@$(BIN)/zensical build --clean --strict
	@$(BIN)/python -m deploy.site

# Tests that start the daemon or a SIP peer keep time with voices and mostly wait: two at once, and those
# marked `alone`, which load the machine or measure it, have it to themselves.
PEERED := interop or daemon
ifeq ($(INTEROP),0)
PEERED := daemon and not interop
test: pjsua2 ## Run the tests (INTEROP=0 leaves out those that need SIPp, baresip and Asterisk)
	@echo "interop tests are left out (INTEROP=0)"
else
test: pjsua2 peers
endif
ifeq ($(TESTS),)
	@$(BIN)/pytest -q -n auto --dist worksteal -m "not interop and not daemon"
	@$(BIN)/pytest -q -n auto --maxprocesses 2 --dist loadfile -m "($(PEERED)) and not alone"
	@$(BIN)/pytest -q -m "($(PEERED)) and alone"
else
	@$(BIN)/pytest -q $(if $(filter 0,$(INTEROP)),-m "not interop") $(TESTS)
endif

interop: pjsua2 peers ## Transfer calls through Asterisk in every way, and print the table
	@$(BIN)/python -m tests.transfers

torture: venv ## Run races of transfers against all that can happen meanwhile (SEED=0 RACES=1000)
	@$(BIN)/python -m tests.transfers.torture --seed $(SEED) --races $(RACES)

demo: pjsua2 ## Make one call to a simulated model, offline
	@$(BIN)/talkpath demo

walkthrough: pjsua2 peers ## From nothing to a call: Asterisk, the daemon, Prometheus, a telephone
	@$(BIN)/python -m tests.walkthrough

run: pjsua2 ## Start the daemon
	@$(BIN)/talkpath run

bench: pjsua2 ## Measure speed and cost against the budgets (DOCS=1: all, for docs/performance.md)
	@$(BIN)/python -m tests.bench $(if $(DOCS),--docs)

profile: pjsua2 ## Draw where the processor time of a worker goes (docs/images/flame.svg)
	@$(BIN)/python -m tests.bench.flame

impairments: pjsua2 ## Call over bad networks and score what the model hears
	@$(BIN)/python -m tests.impairments

soak: pjsua2 ## Keep many calls alive for a long time (CALLS=200 MINUTES=20)
	@$(BIN)/python -m tests.soak --calls $(CALLS) --minutes $(MINUTES)

fuzz: venv ## Throw damaged RTP, RTCP, SRTP and key presses at the media plane (MINUTES=20 for each)
	@$(BIN)/python -m tests.fuzz --minutes $(MINUTES)

# The package is for the distribution's own Python, whatever python3 is here.
deb: ## Build the package for this Debian or Ubuntu into dist/
	@/usr/bin/python3 -m deploy.package.build

clean: ## Remove what was built in the tree (wheels and peers in ~/.cache/talkpath stay)
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .cache .coverage
	@find bridge codecs deploy sip tests -name __pycache__ -type d -prune -exec rm -rf {} +
