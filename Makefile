# `make fit` trains the default model, `make test` runs the tests; both make the virtual environment first.
PYTHON ?= python3
VENV ?= .venv
# another torch, such as a CUDA build: make fit TORCH=torch==2.9.1
TORCH ?= $(shell grep '^torch==' constraints.txt)
PIP = -m pip install --quiet --disable-pip-version-check

ONLY ?=
# tests side by side, one process of one thread on each core
PARALLEL ?= --numprocesses=auto --dist=worksteal

# the environment $(1) with the versions of constraints.txt, and in it $(2)
define install
	$(PYTHON) -m venv $(1)
	$(1)/bin/python $(PIP) "$(TORCH)"
	grep -v '^torch==' constraints.txt > $(1)/constraints.txt
	$(1)/bin/python $(PIP) -c $(1)/constraints.txt $(2)
	touch $(1)/.installed
endef

.PHONY: fit test benchmarks docs test-minimum peers peers-netket lint clean

fit: $(VENV)/.installed
	$(VENV)/bin/python -m physgen fit

test: $(VENV)/.installed
	$(VENV)/bin/python -m pytest $(PARALLEL)

# rooms whose types are checked as strictly as mypy can, from the ground up
TYPED = $(addprefix physgen/,core nn stats optim samplers spaces observables systems objectives runs figures data models dmc \
	monte_carlo callbacks zoo cli)

lint: $(VENV)/.installed
	$(VENV)/bin/python -m ruff check .
	$(VENV)/bin/python -m ruff format --check .
	$(VENV)/bin/python -m mypy --strict --follow-imports=silent $(TYPED)

# the results behind BENCHMARKS.md and its tables, hours for all: make benchmarks ONLY="costs scaling"
benchmarks: $(VENV)/.installed
	$(VENV)/bin/python -m benchmarks $(if $(ONLY),--only $(ONLY))

# the documentation site, warnings as errors, in an environment of its own; the build needs no network
docs: .venv-docs/.installed
	.venv-docs/bin/python -m website

.venv-docs/.installed: pyproject.toml constraints.txt
	$(call install,.venv-docs,-e ".[docs]")

# the lower bounds of pyproject.toml, each at its minimum, in an environment of their own
test-minimum: .venv-minimum/.installed
	.venv-minimum/bin/python -m pytest $(PARALLEL)

$(VENV)/.installed: pyproject.toml constraints.txt
	$(call install,$(VENV),-e ".[test]")

.venv-minimum/.installed: pyproject.toml
	$(PYTHON) -m venv .venv-minimum
	$(PYTHON) -m benchmarks minimum_versions > .venv-minimum/minimum.txt
	.venv-minimum/bin/python $(PIP) -r .venv-minimum/minimum.txt
	.venv-minimum/bin/python $(PIP) -e ".[test]"
	touch $@

# other libraries to compare with, in an environment of their own
peers: .venv-peers/.installed

.venv-peers/.installed: benchmarks/measurements/peers/requirements.txt pyproject.toml constraints.txt
	$(call install,.venv-peers,-r benchmarks/measurements/peers/requirements.txt -e .)

peers-netket: .venv-netket/.installed

.venv-netket/.installed: benchmarks/measurements/peers_netket/requirements.txt pyproject.toml constraints.txt
	$(call install,.venv-netket,-r benchmarks/measurements/peers_netket/requirements.txt -e .)

clean:
	rm -rf $(VENV)
