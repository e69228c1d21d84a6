"""The loop and the measurement that tables rest on, and the command that runs the benchmarks."""

import importlib.util
import math
import os
import re
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest
import torch

from benchmarks import __main__
from physgen.systems import ClassicalDot

ROOT = Path(__file__).resolve().parents[2]
SYSTEM = ClassicalDot(2, beta=2.0, coupling=0.0)
EXACT = next(r.value for r in SYSTEM.references() if r.quantity == "free_energy")


class Gaussian(torch.nn.Module):
    """x = e^a z for particles that do not interact; exact where e^a is the thermal width."""

    def __init__(self, factor):
        super().__init__()
        self.system, self.start = SYSTEM, math.log(factor * SYSTEM.thermal_width)
        self.log_width = torch.nn.Parameter(torch.full((4,), self.start))

    def latent(self, num_samples, generator):
        return torch.randn(num_samples, 4, generator=generator, dtype=self.log_width.dtype)

    def draw(self, z):
        log_prob = -0.5 * z.square().sum(-1) - 2 * math.log(2 * math.pi) - self.log_width.sum()
        return (self.log_width.exp() * z).view(-1, 2, 2), log_prob

    def sample(self, num_samples, generator=None):
        return self.draw(self.latent(num_samples, generator))


@pytest.fixture
def budgeted(monkeypatch):
    """The module of the benchmarks."""
    monkeypatch.syspath_prepend(ROOT)
    from benchmarks.measurements import budgeted

    return budgeted


@pytest.mark.parametrize("factor", [0.9, 1.0, 1.2])
def test_a_gaussian_is_measured_as_in_closed_form(factor, budgeted):
    found = {k: float(v) for k, v in budgeted.measure(Gaussian(factor), EXACT, 0.0, 5, 20_000, 1).items()}
    kl = 4 * ((factor**2 - 1) / 2 - math.log(factor))
    assert found["kl"] == pytest.approx(kl, abs=4 * found["kl_error"] + 1e-4)  # four digits are kept
    assert found["kl_lowest"] <= found["kl_median"] <= found["kl_highest"]
    ess = ((2 * factor**2 - 1) ** 0.5 / factor**2) ** 4  # <w>^2 / <w^2>, a factor for each coordinate
    assert found["ess_median"] == pytest.approx(ess, rel=0.05)
    error = 4 * found["free_energy_importance_error"] + 1e-5
    assert found["free_energy_importance"] == pytest.approx(EXACT, abs=error)


def test_a_training_reaches_the_exact_density_and_repeats(budgeted):
    models = [Gaussian(1.5), Gaussian(1.5)]
    costs = [budgeted.train(m, budgeted.Recipe(0.03, batch=64), 1.0, seed=3, steps=300) for m in models]
    assert torch.equal(models[0].log_width, models[1].log_width)
    assert [c.steps for c in costs] == [300, 300] and all(c.skipped == 0 for c in costs)
    assert float(budgeted.measure(models[0], EXACT, 0.0, 2, 5_000, 1)["kl"]) < 1e-3


ENTRY = [sys.executable, "-m", "benchmarks"]
COMMANDS = [name for names in __main__.NAMES.values() for name in names]


def test_every_benchmark_lies_in_a_folder_and_has_a_command():
    own = {"__main__", "entries", "places", "rows", "suite"}
    assert {path.stem for path in (ROOT / "benchmarks").glob("*.py")} == own, "others lie in one of the folders"
    for folder, names in __main__.NAMES.items():
        place = ROOT / "benchmarks" / folder
        files = [*place.glob("*.py"), *place.glob("*/__main__.py")]
        found = [(path.parent if path.stem == "__main__" else path).stem for path in files if has_main(path)]
        assert sorted(found) == sorted(names), folder
    assert len(set(COMMANDS)) == len(COMMANDS)


def has_main(path):
    return re.search(r"^def main\(", path.read_text(), re.MULTILINE) is not None


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_help(name, capsys, monkeypatch):
    if name == "peers_netket" or name == "peers" and not importlib.util.find_spec("zuko"):
        pytest.skip("other libraries")
    monkeypatch.setattr(sys, "argv", sys.argv)
    with pytest.raises(SystemExit) as left:
        __main__.main([name, "--help"])
    assert left.value.code == 0
    shown = capsys.readouterr().out
    assert f"python -m benchmarks {name}" in shown
    if name not in __main__.PACKAGES:
        assert __main__.module_of(name).__doc__.split("\n")[0] in shown


def test_commands_that_the_documents_name_are_there():
    named = set()
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("benchmarks/**/*.py"), ROOT / "Makefile"]:
        text = path.read_text(encoding="utf-8")
        named |= set(re.findall(r"-m benchmarks\s+([a-z]\w*)", text))
        assert not re.search(r"python (-m benchmarks\.|benchmarks/)", text), f"{path}: python -m benchmarks NAME"
    assert named - set(COMMANDS) == set()
    assert len(named) > 25


def test_numbers_of_a_check_and_a_name_that_is_near(monkeypatch, capsys):
    seen = []
    module = types.SimpleNamespace(__doc__="", main=lambda trials=20, seed=1: seen.append((trials, seed)) or 2)
    monkeypatch.setattr(__main__, "module_of", lambda name: module)
    monkeypatch.setattr(sys, "argv", sys.argv)
    assert __main__.main(["kills", "3", "7"]) == 1 and __main__.main(["kills"]) == 1
    assert seen == [(3, 7), (20, 1)]
    assert __main__.main(["local_enery"]) == 2
    assert "did you mean local_energy?" in capsys.readouterr().err


@pytest.fixture
def benchmarks(monkeypatch):
    """The modules that run the benchmarks and write their tables."""
    monkeypatch.syspath_prepend(ROOT)
    from benchmarks import suite
    from benchmarks.pages import tables

    return suite, tables


def test_every_block_of_the_documents_has_its_source_and_its_benchmark(benchmarks):
    runner, tables = benchmarks
    for file, blocks in tables.TABLES.items():
        marked = re.findall(r"<!-- (\w+): begin", (ROOT / file).read_text())
        assert sorted(marked) == sorted(blocks), f"blocks of {file} without a source, or sources without a block"
    filled = [block for benchmark in runner.BENCHMARKS.values() for block in benchmark.blocks]
    measured = ["BENCHMARKS.md"]
    measured += [f"docs/{name}.md" for name in ("quantum-dots", "periodic-matter", "lattices-and-data", "families")]
    wanted = [block for file in measured for block in tables.TABLES[file]]
    from_entries = {"two_electrons", "electron_gas", "neutron_matter", "fermi_gas", "families", "family_seeds"}
    from_entries |= {"targets"}  # what other tables hold beside what was asked
    assert sorted(filled) == sorted(set(wanted) - from_entries)
    assert {name for name, b in runner.BENCHMARKS.items() if b.printed} <= set(tables.PRINTED)
    for benchmark in runner.BENCHMARKS.values():
        for command in [*benchmark.commands, *filter(None, [benchmark.fast])]:
            assert command.split()[:2] == ["-m", "benchmarks"] and command.split()[2] in COMMANDS, command


def test_a_table_that_differs_from_its_results_is_found(benchmarks, tmp_path, monkeypatch):
    _, tables = benchmarks
    for folder in ("benchmarks", "checkpoints"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("*.ckpt", "*.py", "curves"))
    for file in tables.TABLES:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    from benchmarks import entries, rows

    for module in (tables, entries):
        monkeypatch.setattr(module, "ROOT", tmp_path)
    for module in (tables, rows):
        monkeypatch.setattr(module, "RESULTS", tmp_path / "benchmarks" / "results")
    tables.main(["--check"])
    # what a check printed stands for itself
    results = [p for p in sorted((tmp_path / "benchmarks" / "results").glob("*.*")) if p.is_file()]
    results = [p for p in results if p.suffix == ".csv" or p.stem in tables.PRINTED]
    assert len(results) > 10
    for kept in results:
        before = kept.read_text()
        lines = before.splitlines()
        kept.write_text("\n".join([*lines, lines[-1].translate(str.maketrans("0123456789", "1234567890"))]))
        assert next(tables.differing(), None) is not None, kept  # the first is enough: each block takes its time
        kept.write_text(before)
    tables.main(["--check"])
    result = tmp_path / "checkpoints" / "quantum-dot-2d-n1-omega1" / "rbm" / "result.json"
    result.write_text(result.read_text().replace('"value": 1.0', '"value": 1.5'))
    with pytest.raises(SystemExit, match="differ from their sources"):
        tables.main(["--check"])


def test_the_fast_form_fills_a_copy_and_skips_what_cannot_run():
    results = {p: p.read_bytes() for p in [*(ROOT / "benchmarks" / "results").glob("*.*"), ROOT / "BENCHMARKS.md"]}
    command = [*ENTRY, "--fast", "--only", "rbm_derivatives", "kills", "peers_netket"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.search(r"\] rbm_derivatives: done in \d+ s", done.stdout)
    assert "] kills: skipped, it has no fast form" in done.stdout
    if not (ROOT / ".venv-netket").is_dir():
        assert "] peers_netket: skipped, .venv-netket is missing: make peers-netket" in done.stdout
    assert {p: p.read_bytes() for p in results} == results


def test_benchmarks_are_listed_and_chosen(benchmarks, capsys):
    runner, _ = benchmarks
    assert runner.main(["--list", "--only", "costs", "kills"]) == 0
    shown = capsys.readouterr().out
    assert "python -m benchmarks jacobian" in shown and "python -m benchmarks kills" in shown and "peers" not in shown
    with pytest.raises(SystemExit):
        runner.main(["--only", "cost"])


def test_a_benchmark_that_fails_is_said_and_the_others_go_on(benchmarks, tmp_path, capsys):
    runner, _ = benchmarks
    (tmp_path / "benchmarks" / "results").mkdir(parents=True)
    (tmp_path / "benchmarks" / "__main__.py").write_text("")
    chosen = {
        name: runner.Benchmark("costs", (f"-c {code}",), None, (name,), printed=True)
        for name, code in {"bad": "raise(SystemExit(3))", "good": "print(42)"}.items()
    }
    assert runner.run(chosen, tmp_path, fast=False, anew=False) == 1
    shown = capsys.readouterr().out
    assert "[1/2] bad: FAILED" in shown and "[2/2] good: done" in shown
    assert [p.name for p in (tmp_path / "benchmarks" / "results").iterdir()] == ["good.txt"]


def test_a_seed_without_an_error_bar_says_so(benchmarks):
    from benchmarks.measurements import seeds
    from physgen.runs.result import Estimate

    _, tables = benchmarks
    assert seeds.known(Estimate(1.25, math.nan, "no error bar")) == "" and seeds.known(Estimate(1.25, 0.5)) == 0.5
    assert tables.seed_value({"value": "1.25", "error": ""}) == "1.25 (no error bar)"
    assert tables.seed_value({"value": "1.25", "error": "0.5"}) == "1.2(5)"
