"""Tables and figures of periodic matter, from entries made of plane waves."""

from pathlib import Path

import pytest
import torch

from physgen.models import SlaterJastrow
from physgen.runs.evaluation import Evaluation
from physgen.systems import ElectronGas, FermiGas, NeutronMatter

ROOT = Path(__file__).resolve().parents[2]
SYSTEMS = [ElectronGas(14, 1.0), ElectronGas(14, 5.0), NeutronMatter(14, 0.04), FermiGas(14, 0.2)]


@pytest.fixture
def benchmark(monkeypatch, tmp_path):
    """The modules of the benchmark, in a folder with entries of plane waves."""
    monkeypatch.syspath_prepend(ROOT)
    from benchmarks import entries, rows
    from benchmarks.measurements import neutron_pairs
    from benchmarks.pages import periodic_matter_figure, periodic_matter_tables

    for system in SYSTEMS:
        torch.manual_seed(1)
        model = SlaterJastrow(system, jastrow="none")
        model.evaluate(Evaluation(samples=40, batch=20, warm_up=20, thin=2))
        folder = tmp_path / "checkpoints" / system.label / "slater"
        folder.mkdir(parents=True)
        model.result.write(folder / "result.json")
    monkeypatch.setattr(entries, "ROOT", tmp_path)
    monkeypatch.setattr(periodic_matter_figure, "DOCS", tmp_path)
    monkeypatch.setattr(rows, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(neutron_pairs, "load_pretrained", lambda name: SlaterJastrow(SYSTEMS[2], jastrow="none"))
    return neutron_pairs, periodic_matter_figure, periodic_matter_tables


def test_tables_and_figures(benchmark, tmp_path, capsys):
    measured, figures, tables = benchmark
    gas = tables.electron_gas_table().splitlines()
    assert len(gas) == 4 and "| 14 | 1 | two spins | [slater]" in gas[2]
    assert "| 0.606534 |" in gas[2] and "0.56856(3) Hartree-Fock + i-FCIQMC" in gas[2] and "-0.0580392" in gas[3]
    assert (
        "| 14 | 0.04 | all | [slater]" in tables.neutron_matter_table() and "6.80683" in tables.neutron_matter_table()
    )
    cold = tables.fermi_gas_table()
    assert "0.4208(3)" in cold and "0.4280(10)" in cold
    assert tables.neutron_pairs_table() == tables.NOTHING
    measured.main(["--samples", "40"])
    pairs = tables.neutron_pairs_table().splitlines()
    assert len(pairs) == 3 and "| 1.46 | 40 | 40 |" in pairs[2]
    figures.main([])
    assert {path.name for path in tmp_path.glob("*.png")} == {"electron_gas.png", "neutron_pairs.png", "fermi_gas.png"}


def test_published_pairs_are_averaged_over_the_bins_of_the_measurement(benchmark):
    measured, _, _ = benchmark
    known = measured.published()
    assert {density for density, _ in known} == {"0.01", "0.04", "0.08"}
    unit = NeutronMatter(14, 0.04)
    width = unit.side / 2 / measured.BINS / (3 / (4 * 3.141592653589793 * 0.04)) ** (1 / 3)
    for values in known.values():
        inside = [int(radius / width) for radius, value in values if -0.01 < value < 1.3]
        assert len(inside) == 50 and sorted(set(inside)) == list(range(measured.BINS))  # two or three in each bin
        assert max(inside.count(k) for k in range(measured.BINS)) <= 3
