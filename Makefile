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

.PHONY: demo test soak check format bench install install-dev clean

demo: install
	$(BIN)/triage demo $(ARGS)

test: install-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

# What takes longer than a suite may: thousands of mutated files.
soak: install-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.soak $(ARGS)

check: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: install-dev
	$(BIN)/python -m tests.speed

format: install-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

install: $(VENV)/.installed

install-dev: $(VENV)/.installed-dev

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; say which with PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV): a few minutes the first time."
	$(PIP) $(torch_$(TORCH))
	$(PIP) --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) workdir .mypy_cache .ruff_cache .pytest_cache
