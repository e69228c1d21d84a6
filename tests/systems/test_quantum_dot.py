import math

import numpy as np
import pytest
import torch

from physgen.core.errors import InputError
from physgen.systems import QuantumDot, cusp, pair_distances, two_electrons


class Oscillator:
    """exp(-alpha omega sum r^2 / 2), the ground state without repulsion at alpha = 1."""

    def __init__(self, dot, alpha=1.0):
        self.width = alpha * dot.omega

    def log_psi(self, x):
        return torch.ones_like(x[..., 0, 0]), -self.width / 2 * x.square().sum((-1, -2))

    def derivatives(self, x):
        return -self.width * x, torch.full_like(x[..., 0, 0], -self.width * x[0].numel())


def draw(dot, num=64):
    return dot.initial(num, torch.Generator().manual_seed(3), dtype=torch.float64)


@pytest.mark.parametrize(("n", "dim", "omega"), [(1, 2, 1.0), (2, 3, 0.28), (6, 2, 0.1)])
def test_oscillator_has_zero_variance(n, dim, omega):
    dot = QuantumDot(n, dim, omega, coupling=0)
    local = dot.local_energy(Oscillator(dot), draw(dot))
    torch.testing.assert_close(local["total"], torch.full((64,), n * dim * omega / 2, dtype=torch.float64))
    assert list(local) == ["kinetic", "trap", "coulomb", "total"] and not local["coulomb"].any()


def test_squeezed_oscillator_has_the_known_local_energy():
    dot, alpha = QuantumDot(3, 2, 0.5, coupling=0), 0.7
    x = draw(dot)
    expected = 3 * alpha * 0.5 + 0.5**2 * (1 - alpha**2) / 2 * x.square().sum((-1, -2))
    torch.testing.assert_close(dot.local_energy(Oscillator(dot, alpha), x)["total"], expected)


def test_terms_of_a_hand_made_configuration():
    x = torch.tensor([[[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]]], dtype=torch.float64)
    terms = QuantumDot(3, omega=2, coupling=0.5).terms(x)
    assert terms["trap"].item() == pytest.approx(2 * (25 + 1))
    assert terms["coulomb"].item() == pytest.approx(0.5 * (1 / 5 + 1 + 1 / math.sqrt(18)))
    torch.testing.assert_close(pair_distances(x), torch.tensor([[5.0, 1.0, math.sqrt(18)]], dtype=torch.float64))


def test_no_repulsion_where_particles_meet():
    assert QuantumDot(2, coupling=0).terms(torch.zeros(1, 2, 2))["coulomb"].item() == 0
    assert QuantumDot(1).terms(torch.zeros(1, 1, 2))["coulomb"].item() == 0


SHELLS = {2: {2: 2, 6: 10, 12: 28, 20: 60, 30: 110, 42: 182, 56: 280}, 3: {2: 3, 8: 18, 20: 60, 40: 150, 70: 315}}


@pytest.mark.parametrize(("dim", "n", "energy"), [(d, n, e) for d, row in SHELLS.items() for n, e in row.items()])
def test_closed_shells(dim, n, energy):
    assert QuantumDot(n, dim, omega=0.5).shell_energy() == energy * 0.5


@pytest.mark.parametrize(
    ("n", "n_up", "dim", "energy"), [(1, 1, 2, 1), (3, 2, 2, 4), (3, 3, 2, 5), (4, 4, 3, 9), (2, 0, 3, 4)]
)
def test_open_shells(n, n_up, dim, energy):
    exact = {r.quantity: r.value for r in QuantumDot(n, dim, coupling=0, n_up=n_up).references()}
    assert exact == {"energy": energy, "kinetic": energy / 2, "trap": energy / 2, "coulomb": 0}


@pytest.mark.parametrize("dim", [2, 3])
def test_shells_are_filled_as_by_counting(dim):
    levels = [k + dim / 2 for k in range(20) for _ in range(math.comb(k + dim - 1, dim - 1))]
    for up in range(90):
        assert QuantumDot(90, dim, n_up=up).shell_energy() == sum(levels[:up]) + sum(levels[: 90 - up])


def test_many_electrons_take_no_longer_and_too_many_are_refused():
    # n -> infinity: E -> 2/3 n_up^(3/2) sqrt(2) for each spin
    assert QuantumDot(10**6).shell_energy() == pytest.approx(2 * 2**1.5 / 3 * (5e5) ** 1.5, rel=1e-5)
    for n in (10**18, 10**400):
        with pytest.raises(InputError, match="n must be an integer from 1 to 1000000"):
            QuantumDot(n)


@pytest.mark.parametrize(("n_up", "state"), [(None, "singlet"), (0, "triplet"), (2, "triplet")])
def test_two_electrons_are_exact_references(n_up, state):
    references = QuantumDot(2, 3, 0.37, 1.4, n_up).references()
    exact = {r.quantity: r.value for r in references if r.exact}
    assert exact == two_electrons(0.37, 3, 1.4, state).__dict__
    assert "Taut" in references[0].source and references[0].method == "exact"


def test_published_references_stand_behind_the_exact_ones():
    references = [r for r in QuantumDot(2).references() if r.quantity == "energy"]
    assert [r.exact for r in references] == [True] + [False] * (len(references) - 1)
    assert references[0].value == pytest.approx(3, abs=1e-9) and references[1].method == "DMC"
    best = QuantumDot(6).references()[0]
    assert (best.value, best.error, best.method, best.exact) == (20.15932, 8e-5, "DMC", False)
    assert QuantumDot(6, n_up=4).references() == [] and QuantumDot(5).references() == []


def test_other_couplings_are_mapped_on_the_published_ones():
    best = QuantumDot(6, omega=4, coupling=2).references()[0]
    assert best.value == pytest.approx(4 * 20.15932) and best.error == pytest.approx(4 * 8e-5)


def test_too_strong_repulsion_has_no_exact_reference():
    assert QuantumDot(2, omega=1e-12).references() == []


def test_label_spells_what_is_not_default():
    assert QuantumDot().label == "quantum-dot-2d-n2-omega1"
    assert QuantumDot(6, omega=0.28).label == "quantum-dot-2d-n6-omega0.28"
    assert QuantumDot(2, dim=3, coupling=0.5, n_up=2).label == "quantum-dot-3d-n2-omega1-coupling0.5-up2"


def test_equal_systems_have_equal_specs():
    assert QuantumDot(3, omega=1, n_up=2) == QuantumDot(3, 2, np.float64(1.0), 1.0)
    rest = {"coupling": 1.0, "n_up": 2, "angular_momentum": None}
    assert QuantumDot(3).spec()["init_args"] == {"n": 3, "dim": 2, "omega": 1.0, **rest}
    assert QuantumDot(7, angular_momentum=2) == QuantumDot(7) != QuantumDot(7, angular_momentum=0)
    assert QuantumDot(7, angular_momentum=0).label == "quantum-dot-2d-n7-omega1-m0"
    assert type(QuantumDot(omega=np.float64(2)).spec()["init_args"]["omega"]) is float
    assert QuantumDot(2) != QuantumDot(3)


def test_virial_of_the_exact_components():
    exact = {r.quantity: r.value for r in QuantumDot(2, omega=0.1).references() if r.exact}
    assert QuantumDot(2, omega=0.1).virial(exact) == pytest.approx(0, abs=1e-10)


def test_scales():
    dot = QuantumDot(omega=0.25)
    assert (dot.length, dot.energy_scale) == (2.0, 0.25)
    # root mean square radii of DMC-quality wavefunctions at omega = 1
    for n, radius in {2: 1.138, 6: 1.624, 12: 2.035, 20: 2.403}.items():
        assert math.sqrt(2) * QuantumDot(n).spread == pytest.approx(radius, rel=0.06)
    assert QuantumDot(20, coupling=5).spread > QuantumDot(20).spread > QuantumDot(6).spread


def test_cusps():
    assert cusp(2) == (1, 1 / 3) and cusp(3, 2) == (1, 0.5)
    for bad, name in [((1,), "dim"), ((2, -1), "coupling")]:
        with pytest.raises(InputError, match=f"^{name} must be"):
            cusp(*bad)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("n", v) for v in (0, -1, 2.0, True, "2", None)],
        *[("dim", v) for v in (1, 4, 2.0, True, "2")],
        *[("omega", v) for v in (0, -1.0, math.nan, math.inf, True, "1", None)],
        *[("coupling", v) for v in (-0.1, math.nan, math.inf, True, "1", None)],
        *[("n_up", v) for v in (-1, 3, 1.0, True, "1")],
    ],
)
def test_bad_arguments_are_named(name, value):
    with pytest.raises(InputError, match=f"^{name} must be .*, got "):
        QuantumDot(**{name: value})
