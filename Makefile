# Two commands set everything up: `make demo` and `make test`. See README.md.
PYTHON ?= python3
VENV ?= .venv
ARGS ?=

# Which build of PyTorch: the CPU wheel where pip finds one, else what the index of packages has.
#   make demo TORCH=cpu   takes the CPU wheel from PyTorch's own index (Linux; saves gigabytes)
#   make demo TORCH=gpu   keeps the GPU build, also where a CPU wheel could be found
TORCH ?= auto
TORCH_VERSION := $(shell sed -n 's/^torch==//p' constraints.txt)
torch_auto = torch==$(TORCH_VERSION)
torch_cpu = torch==$(TORCH_VERSION) --extra-index-url https://download.pytorch.org/whl/cpu
torch_gpu = torch===$(TORCH_VERSION)

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

# Extras of pyproject.toml that `make demo` installs; `make demo EXTRAS=ui` installs what its photographs need.
EXTRAS ?= all

# Packages without networks: their tests take some minutes on two cores.
COVERED := accounts acquisition audit_sources auditing backups data dataset_versions decisions engine evaluation gating labels \
	ledger measurements model_registry monitoring review store uncertainty
# Verbs over these packages whose tests are quick.
COVERING := $(addprefix tests/pipelines/test_,acting.py policy.py user.py gate.py ledger_commands.py \
	audit_command.py audit_compare.py monitor.py monitor_simulate.py) tests/reports/test_audited_system.py \
	tests/reports/test_monitoring_report.py tests/ui/test_monitoring_page.py

.PHONY: demo test coverage soak check format hooks bench docs install install-dev install-docs clean

demo: install
	$(BIN)/triage demo $(ARGS)

test: install-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

# Recording lines takes 50 to 90 % more time (Python 3.11), so it is a command of its own.
coverage: install-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -q $(COVERED:%=tests/%) $(COVERING) \
		--cov --cov-report=term:skip-covered $(ARGS)

# What takes longer than a suite may: thousands of mutated files.
soak: install-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.soak $(ARGS)

check: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

hooks: install-dev
	$(BIN)/pre-commit install

docs: install-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict $(ARGS)

bench: install-dev
	$(BIN)/python -m tests.speed

format: install-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

install: $(VENV)/.installed

install-dev: $(VENV)/.installed-dev

install-docs: $(VENV)/.installed-docs

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; say which with PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV): a few minutes the first time."
	$(PIP) $(torch_$(TORCH))
	$(PIP) --editable '.[$(EXTRAS)]'
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) --editable '.[all,dev]'
	@touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	$(PIP) --editable '.[all,docs]'
	@touch $@

clean:
	rm -rf $(VENV) workdir .coverage .mypy_cache .ruff_cache .pytest_cache
