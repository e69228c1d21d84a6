"""Spins on a lattice: energies, couplings and exact values."""

import pytest
import torch

from physgen.core.enumeration import every_state
from physgen.core.errors import InputError
from physgen.systems import BarsAndStripes, Ising2D, SpinGlass

SYSTEMS = [
    Ising2D(2, beta=0.4),
    Ising2D(3, beta=0.4),
    Ising2D(3, beta=0.4, boundary="open"),
    SpinGlass(3, beta=0.8),
    SpinGlass(3, beta=0.8, boundary="open", law="signs", seed=4),
    BarsAndStripes(3),
    BarsAndStripes(3, gap=2.0),
]


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.label)
def test_references_are_sums_over_all_states(system):
    x = every_state(system.n, system.space.values).view(-1, *system.shape)
    log = -system.beta * system.energy(x)
    p = log.softmax(0)
    exact = {
        "free_energy": -log.logsumexp(0) / system.beta,
        "energy": p @ system.energy(x),
        "entropy": -(p * log.log_softmax(0)).sum(),
    }
    found = {r.quantity: r for r in system.references()}
    for name in exact.keys() & found.keys():
        value = exact[name]
        assert found[name].exact and found[name].value == pytest.approx(value.item(), abs=1e-10)


@pytest.mark.parametrize("system", SYSTEMS[:5], ids=lambda system: system.label)
def test_the_matrix_of_couplings_is_the_energy(system, generator):
    x = system.initial(20, generator, dtype=torch.float64)
    s, matrix = x.flatten(1), system.coupling_matrix()
    assert torch.equal(matrix, matrix.T)
    assert torch.allclose(system.energy(x), -0.5 * torch.einsum("bi,ij,bj->b", s, matrix, s))


def test_published_values():
    assert {r.quantity: r.value for r in Ising2D(16, beta=0.44).references()} == pytest.approx(
        {"free_energy": 256 * -2.1163640554, "energy": 256 * -1.44774346, "bonds": 256 * -1.44774346,
         "entropy": 256 * 0.29419306, "log_likelihood": 256 * -0.29419306}, abs=1e-5,
    )  # fmt: skip


def test_a_glass_is_drawn_from_its_seed_alone():
    one, same, other = SpinGlass(4, seed=3), SpinGlass(4, beta=0.5, seed=3), SpinGlass(4, seed=5)
    assert torch.equal(one.couplings, same.couplings) and not torch.equal(one.couplings, other.couplings)
    assert SpinGlass(4, law="signs").couplings.abs().eq(1).all()


def test_what_is_too_wide_has_no_exact_value():
    assert SpinGlass(9).references() == [] and SpinGlass(9, boundary="open").references() != []
    assert Ising2D(17, boundary="open").references() == [] and Ising2D(200).references() != []


def test_patterns_are_bars_and_stripes(generator):
    system = BarsAndStripes(3)
    patterns = system.patterns()
    assert len(patterns.flatten(1).unique(dim=0)) == 14 and not system.energy(patterns).any()
    assert int((system.energy(every_state(9).view(-1, 3, 3)) == 0).sum()) == 14
    drawn = system.draw(7000, generator)
    counts = (drawn[:, None] == patterns).flatten(2).all(2).double().mean(0)
    assert (counts - 1 / 14).abs().max() < 5 * (1 / 14 / 7000) ** 0.5


@pytest.mark.parametrize(
    ("kind", "arguments", "name"),
    [
        (Ising2D, {"size": 1}, "size"),
        (Ising2D, {"size": 4.5}, "size"),
        (Ising2D, {"beta": 0}, "beta"),
        (Ising2D, {"boundary": "closed"}, "boundary"),
        (SpinGlass, {"law": "uniform"}, "law"),
        (SpinGlass, {"seed": -1}, "seed"),
        (BarsAndStripes, {"size": 13}, "size"),
        (BarsAndStripes, {"gap": -1}, "gap"),
    ],
)
def test_bad_arguments_are_named(kind, arguments, name):
    with pytest.raises(InputError, match=f"^{name} must be"):
        kind(**arguments)
