"""The notebooks run in their short form, and what is kept of them is whole."""

import importlib.util
import json
import logging
from pathlib import Path

import pytest
import torch

from physgen.models import Model
from physgen.systems import System

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture
def execute(monkeypatch, tmp_path):
    """The function that executes a notebook; classes and settings of its cells are forgotten afterwards."""
    spec = importlib.util.spec_from_file_location("execute_notebooks", ROOT / "notebooks" / "execute.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setenv("PHYSGEN_FAST", "1")
    monkeypatch.setenv("PHYSGEN_CACHE", str(tmp_path))
    logger = logging.getLogger("lightning.pytorch")
    level, state = logger.level, torch.get_rng_state()
    held = [(family, dict(family.registry)) for family in (System, Model)]
    import matplotlib

    with matplotlib.rc_context():
        yield module.execute
    logger.setLevel(level)
    torch.set_rng_state(state)
    for family, registry in held:
        family.registry.clear()
        family.registry.update(registry)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path, execute):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    execute(notebook)
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
