# One command regenerates the paper: make paper. `make` alone lists the others.

PYTHON ?= python3
SCALE ?= demo
CORES ?= all
PYTEST_ARGS ?=
BENCH_ARGS ?=

# By their text, so that a tree without executable bits (a zip) works too.
SCRIPT := bash scripts
IN_VENV := . scripts/clean-environment; PATH="$(CURDIR)/.venv/bin:$$PATH"

.PHONY: help paper published check-published archive test lint format environment system-packages lock \
	coverage docs bench clean

help: ## List the commands.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

paper: system-packages environment ## Set up, run everything and build paper/demo.pdf (SCALE=smoke, cpu, full, published; CORES=8).
	$(IN_VENV) snakemake --cores $(CORES) --config scale=$(SCALE)
	@echo "The paper is paper/$(SCALE).pdf"

published: system-packages environment ## Render the committed records, for paper/published.pdf and figures/published.
	$(IN_VENV) snakemake --cores $(CORES) --config scale=published
	$(IN_VENV) python scripts/published.py write

check-published: environment ## Tell whether these are older than the records or the sources that draw them.
	$(IN_VENV) python scripts/published.py check

archive: paper ## Pack sources, records, tables, figures and PDF with checksums (SCALE=published).
	$(IN_VENV) python scripts/archive.py $(SCALE)

test: environment ## Set up and run all tests (PYTEST_ARGS="-k mask").
	@$(SCRIPT)/system-packages slurm chromium
	@$(SCRIPT)/extras
	$(IN_VENV) python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

lint: environment ## Check formats, types, docstrings, layers and locked versions.
	@$(SCRIPT)/extras types
	$(IN_VENV) python -m pytest tests/static

format: environment ## Format the Python files and the workflow.
	$(IN_VENV) ruff check --fix-only --quiet .
	$(IN_VENV) ruff format --quiet .
	$(IN_VENV) snakefmt Snakefile workflow

environment: ## Make .venv as envs/requirements.lock says (PYTHON=python3.12).
	@PYTHON="$(PYTHON)" $(SCRIPT)/environment

system-packages: ## Install LaTeX and pdftotext with apt-get, or say what to install.
	@$(SCRIPT)/system-packages

lock: environment ## Write envs/requirements.lock anew from envs/requirements.in.
	$(IN_VENV) python scripts/lock.py

coverage: environment ## Run all tests and measure line and branch coverage (coverage.xml, htmlcov/).
	@$(SCRIPT)/extras
	$(IN_VENV) python -m pip install -qq --disable-pip-version-check --requirement envs/coverage.txt
	$(IN_VENV) python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --cov --cov-report=term --cov-report=xml --cov-report=html $(PYTEST_ARGS)

docs: ## Build the documentation site in site/ (its packages in .venv-docs).
	@PYTHON="$(PYTHON)" bash scripts/docs

bench: environment ## Measure speed and memory, some ten minutes (BENCH_ARGS=--quick: a rough answer, BENCH_ARGS="loop kde": these).
	$(IN_VENV) python -m benchmarks $(BENCH_ARGS)

clean: ## Remove the environment and all caches; results, figures and papers stay.
	rm -rf .venv .venv.new .venv.old .pytest_cache .ruff_cache .hypothesis paper/build src/*.egg-info
	find src tests benchmarks scripts -name __pycache__ -prune -exec rm -rf {} +
	rm -rf .venv-docs site dist build htmlcov .coverage coverage.xml
