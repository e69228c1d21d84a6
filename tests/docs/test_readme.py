"""The README does what it says: its code runs, its tables come from the results."""

import importlib
import re
import sys
from pathlib import Path

import pytest

from physgen.cli import main
from physgen.cli.compare import parser as compare_parser
from physgen.cli.grid import axis, combinations, seeds_of
from physgen.cli.training import ArgumentsOnly
from physgen.cli.training import run as train
from physgen.cli.words import taken
from physgen.models import Model
from physgen.runs.result import Result
from physgen.systems import System
from physgen.zoo.index import read_index

ROOT = Path(__file__).resolve().parents[2]
#: what the README leaves to the docs
PAGES = [ROOT / "README.md", ROOT / "docs" / "comparing.md", ROOT / "docs" / "extending.md"]
README = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)


def code_after(heading: str) -> str:
    """Return the first Python block behind a heading."""
    return re.search(rf"## {heading}\n.*?```python\n(.*?)```", README, re.DOTALL).group(1)


@pytest.fixture
def users_modules(tmp_path, monkeypatch):
    """Write the README's system and model as a user's modules, and forget them afterwards."""
    for heading in ("A system of particles", "A flow"):
        code = code_after(heading)
        name = re.match(r"# (\w+)\.py", code).group(1)
        assert len(code.splitlines()) <= 30
        (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for family, name in ((System, "HarmonicWell"), (Model, "DiagonalFlow")):
        family.registry.pop(name, None)
    for name in ("my_well", "my_flow"):
        sys.modules.pop(name, None)


def test_a_users_own_system_and_model_train_to_the_exact_energy(users_modules, tmp_path):
    importlib.import_module("my_well")
    main(
        [
            "fit",
            "--model",
            "my_flow.DiagonalFlow",
            "--model.system",
            "my_well.HarmonicWell",
            "--model.system.beta",
            "2",
            "--model.learning_rate",
            "0.02",
            "--trainer.max_epochs",
            "6",
            "--run_folder",
            str(tmp_path / "run"),
            "--evaluation.samples",
            "20000",
            "--wandb",
            "off",
            "--figures",
            "false",
            "--trainer.enable_progress_bar",
            "false",
        ]
    )
    result = Result.read(tmp_path / "run" / "result.json")
    energy = result.estimates["energy_importance"]
    assert abs(energy.value - 0.5) < 4 * energy.error + 1e-12
    assert result.diagnostics["ess"] > 0.99
    assert result.provenance["system"].startswith("harmonicwell")


def test_the_readme_is_short():
    text = PAGES[0].read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| [") and "checkpoints/" in line]
    assert len(text.splitlines()) < 120 and len(rows) == 10
    assert "git clone" in text and "docs/dot.png" in text


def test_what_the_readme_compares_exists():
    compared = re.findall(r"^python -m physgen compare(.*?)(?:#.*)?$", README, re.MULTILINE)
    assert compared
    for rest in compared:
        for name in compare_parser().parse_args(rest.split()).runs:
            assert name in read_index()["pretrained"] or name.startswith("runs/"), name
    for sweep in re.findall(r"^wandb sweep (\S+)", README, re.MULTILINE):
        assert (ROOT / sweep).is_file(), sweep


def test_the_sweep_of_the_readme_makes_the_runs_that_are_compared():
    (rest,) = re.findall(r"^python -m physgen sweep (--seeds.*?)$", README, re.MULTILINE)
    seeds, over = (re.search(rf"--{name} (\S+)", rest)[1] for name in ("seeds", "over"))
    option, values = axis(over, [])
    assert set(combinations([values, seeds_of(seeds, [])])) >= set(re.findall(r"runs/hidden/([^*/\s]+)", README))
    kept = rest.split()
    for name in ("--seeds", "--over", "--run_folder"):
        kept = taken(kept, name)[1]
    for value in values.values():
        train(["fit", *kept, *value], ArgumentsOnly)


def test_tables_are_those_of_the_results():
    from benchmarks.pages import tables

    tables.main(["--check"])
