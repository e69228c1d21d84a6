"""The notebooks run in their short form, and what is kept of them is whole."""

import importlib.util
import json
import logging
import re
from pathlib import Path

import pytest
import torch

from physgen.models import Model
from physgen.systems import System

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture
def execute(monkeypatch, tmp_path):
    """The function that executes a notebook; classes and settings of its cells are forgotten afterwards."""
    spec = importlib.util.spec_from_file_location("execute_notebooks", ROOT / "notebooks" / "execute.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setenv("PHYSGEN_FAST", "1")
    monkeypatch.setenv("PHYSGEN_CACHE", str(tmp_path))
    loggers = [logging.getLogger(name) for name in ("lightning.pytorch", "physgen")]
    levels, state = [logger.level for logger in loggers], torch.get_rng_state()
    dtype = torch.get_default_dtype()
    held = [(family, dict(family.registry)) for family in (System, Model)]
    import matplotlib

    with matplotlib.rc_context():
        yield module.execute
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)
    torch.set_rng_state(state)
    torch.set_default_dtype(dtype)
    for family, registry in held:
        family.registry.clear()
        family.registry.update(registry)


def quotes(cell):
    """Whether a cell prints results of entries or references alone, not what it draws or trains."""
    source = "".join(cell["source"])
    quoted = "result_of(" in source or "references()" in source
    return cell["cell_type"] == "code" and quoted and "sample(" not in source and "reference(" not in source


def printed(cell):
    """What a cell printed; numbers of more than ten decimals are rounded, since libraries differ in the last ones."""
    text = "".join("".join(o["text"]) for o in cell["outputs"] if o.get("name") == "stdout")
    return re.sub(r"\d+\.\d{11,}", lambda number: f"{float(number[0]):.10f}", text)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path, execute):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    kept = {i: printed(cell) for i, cell in enumerate(notebook["cells"]) if quotes(cell)}
    execute(notebook)
    # numbers of entries and references do not depend on how long a page runs
    again = "python notebooks/execute.py --write notebooks/*.ipynb"
    assert kept == {i: printed(notebook["cells"][i]) for i in kept}, f"stored outputs are not those of today: {again}"
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert sum("assert" in "".join(cell["source"]) for cell in cells) >= 3
    kinds = {output["output_type"] for cell in cells for output in cell["outputs"]}
    assert {"stream", "display_data"} <= kinds
    said = "".join("".join(o["text"]) for c in cells for o in c["outputs"] if o.get("name") == "stderr")
    assert "Warning" not in said and "Tip" not in said, said


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_kept(path):
    text = path.read_text(encoding="utf-8")
    notebook = json.loads(text)
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    figures = sum("image/png" in o.get("data", {}) for c in cells for o in c["outputs"])
    assert figures == sum("subplots(" in "".join(c["source"]) for c in cells)
    assert len(text) < 1_000_000
    assert not any(o["output_type"] == "error" for c in cells for o in c["outputs"])
    prints = [c for c in cells if "print(" in "".join(c["source"])]
    assert all(any(o.get("name") == "stdout" for o in c["outputs"]) for c in prints)
    places = ("/tmp/", "/home/", "/root/", str(ROOT))
    written = "".join("".join(o.get("text", "")) for c in cells for o in c["outputs"])
    assert not [place for place in places if place in written]


def test_there_are_four():
    assert {path.stem for path in NOTEBOOKS} >= {"tour", "classical_dot", "quantum_dot", "own_hamiltonian"}
