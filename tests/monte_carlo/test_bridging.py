"""F by bridging chains and a density, against closed forms."""

import math

import pytest
import torch

from physgen.cli.reference import bridging_density, run
from physgen.core.errors import InputError
from physgen.monte_carlo import MonteCarlo, Settings, reference
from physgen.runs.result import reference_for
from physgen.stats import deviation
from physgen.systems import ClassicalDot, QuarticWell


class Cloud:
    """Independent normal coordinates of one width."""

    def __init__(self, system, width):
        self.system, self.width = system, width

    def sample(self, num_samples, generator=None):
        x = self.width * torch.randn(
            num_samples, self.system.n, self.system.dim, generator=generator, dtype=torch.float64
        )
        return x, self.log_prob(x)

    def log_prob(self, x):
        each = -0.5 * (x / self.width).square() - math.log(self.width) - 0.5 * math.log(2 * math.pi)
        return each.sum((-1, -2))


@pytest.mark.parametrize(
    ("system", "width"), [(ClassicalDot(2, beta=2.0), 0.6), (ClassicalDot(3, beta=2.0, coupling=0.0), 0.6)]
)
def test_free_energy_of_a_crude_density(system, width):
    settings = Settings(0.006, walkers=32, warm_up=100)
    record = MonteCarlo(system, settings, density=Cloud(system, width)).run()[0]
    exact, found = reference_for(system.references(), "free_energy"), record.estimates["free_energy"]
    assert abs(deviation(found.value, found.error, exact.value, exact.error)) < 3.5
    assert 0 < found.error <= 0.006 and 0.1 < record.diagnostics["bridge_overlap"] < 0.99
    other = record.estimates["free_energy_integration"]
    assert abs(deviation(other.value, other.error, exact.value, exact.error)) < 4


def test_systems_without_a_ladder_of_couplings_get_a_free_energy():
    well = QuarticWell(beta=2.0)
    record = reference(well, Settings(0.01, walkers=32, warm_up=60), density=Cloud(well, well.spread))
    known = reference_for(well.references(), "free_energy")
    found = record.estimates["free_energy"]
    assert abs(deviation(found.value, found.error, known.value, known.error)) < 3.5 and found.error > 0


def test_the_verb_takes_an_entry(tmp_path, capsys):
    record = run(
        f"--system ClassicalDot --system.n 2 --system.beta 2 --error 0.03 --walkers 16 --output {tmp_path / 'r'} "
        "--bridge classical-dot-n2-beta2/invertible-flow".split()
    )
    known = reference_for(ClassicalDot(2, beta=2.0).references(), "free_energy")
    found = record.estimates["free_energy"]
    assert abs(deviation(found.value, found.error, known.value, known.error)) < 3.5
    assert record.provenance["bridge"] == "classical-dot-n2-beta2/invertible-flow"
    assert "free_energy_integration" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("quantum-dot-2d-n2-omega1/rbm-jastrow", "normalised density"),
        ("classical-dot-n20-beta10/mlp-flow", "normalised exactly"),
        ("classical-dot-n2-beta3/nothing", "pretrained name"),
    ],
)
def test_models_that_are_no_exact_density_are_refused(name, words):
    with pytest.raises(InputError, match=words):
        bridging_density(name)


def test_a_density_of_another_system_is_refused():
    with pytest.raises(InputError, match="bridge must be a density of ClassicalDot"):
        MonteCarlo(ClassicalDot(2), Settings(), density=Cloud(ClassicalDot(2, beta=3.0), 0.5))
