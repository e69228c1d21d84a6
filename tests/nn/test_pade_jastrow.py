import itertools

import pytest
import torch

from physgen.nn.determinants.pade_jastrow import PadeJastrow
from physgen.systems import QuantumDot, cusp

CASES = [(n, dim, n_up) for dim in (2, 3) for n, n_up in ((2, 1), (2, 2), (2, 0), (3, 2), (5, 3))]


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(8)


def factor(n, dim, n_up, coupling=1.0):
    jastrow = PadeJastrow(n, dim, n_up, coupling)
    with torch.no_grad():
        jastrow.raw.copy_(torch.tensor([0.3, -0.8]))
    return jastrow


@pytest.mark.parametrize(("n", "dim", "n_up"), CASES)
def test_derivatives(n, dim, n_up, generator, by_autograd, by_differences):
    jastrow = factor(n, dim, n_up, coupling=1.7)
    x = 2 * torch.randn(6, n, dim, generator=generator)
    gradient, laplacian = jastrow.derivatives(x)
    expected = by_autograd(jastrow, x)
    torch.testing.assert_close(gradient, expected[0], rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(laplacian, expected[1], rtol=1e-10, atol=1e-10)
    expected = by_differences(jastrow, x, step=3e-3)
    torch.testing.assert_close(gradient, expected[0], rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(laplacian, expected[1], rtol=1e-6, atol=1e-6)


def test_value_of_a_hand_made_configuration():
    jastrow = factor(3, 2, 2)
    x = torch.tensor([[[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]]])
    antiparallel, parallel = torch.nn.functional.softplus(jastrow.raw).tolist()
    expected = 5 / 3 / (1 + 5 * parallel) + sum(r / (1 + r * antiparallel) for r in (1.0, 18**0.5))
    assert jastrow(x).item() == pytest.approx(expected, abs=1e-13)


@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("coupling", [1.0, 0.3])
def test_slopes_at_contact_are_the_exact_cusps(dim, coupling):
    for n_up, slope in zip((1, 2), cusp(dim, coupling), strict=True):
        x = torch.zeros(1, 2, dim)
        x[0, 0, 0] = 1e-7
        assert factor(2, dim, n_up, coupling)(x).item() / 1e-7 == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("default", [torch.float32, torch.float64])
@pytest.mark.parametrize("dim", [2, 3])
def test_cusps_keep_double_precision_when_a_model_is_widened(dim, default):
    torch.set_default_dtype(default)  # the fixture of this file restores it
    jastrow = PadeJastrow(3, dim, 2, 0.7).double()
    antiparallel, parallel = cusp(dim, 0.7)
    assert jastrow.cusp.tolist() == pytest.approx([parallel, antiparallel, antiparallel], rel=1e-15)


@pytest.mark.parametrize("n_up", [1, 2])
@pytest.mark.parametrize("dim", [2, 3])
def test_local_energy_stays_finite_at_contact(dim, n_up):
    """The cusp cancels 1/r of the repulsion in -1/2 (lap + |grad|^2); two spins up are in the state (x1 - x2) J."""

    class Pair:
        jastrow = factor(2, dim, n_up)

        def derivatives(self, x):
            gradient, laplacian = self.jastrow.derivatives(x)
            if n_up == 2:
                inverse = 1 / (x[:, 0, 0] - x[:, 1, 0])
                gradient = gradient.clone()
                gradient[:, 0, 0] += inverse
                gradient[:, 1, 0] -= inverse
                laplacian = laplacian - 2 * inverse.square()
            return gradient, laplacian

    x = torch.full((3, 2, dim), 0.2)
    x[:, 0, 0] += torch.tensor([1e-3, 1e-4, 1e-5])
    energy = QuantumDot(2, dim, n_up=n_up).local_energy(Pair(), x)["total"]
    # with a cusp wrong by one per cent the last would be hundreds away from the first
    torch.testing.assert_close(energy, energy[2].expand(3), rtol=0, atol=0.05)


def test_exchange_symmetry_within_a_spin(generator):
    jastrow = factor(4, 2, 2)
    x = torch.randn(9, 4, 2, generator=generator)
    for up, down in itertools.product(([0, 1], [1, 0]), ([2, 3], [3, 2])):
        torch.testing.assert_close(jastrow(x[:, up + down]), jastrow(x), rtol=1e-13, atol=1e-13)
    assert (jastrow(x[:, [2, 1, 0, 3]]) - jastrow(x)).abs().mean() > 1e-2


def test_one_particle_and_no_repulsion(generator):
    x = torch.randn(4, 1, 2, generator=generator)
    assert not factor(1, 2, 1)(x).any() and not factor(1, 2, 1).derivatives(x)[0].any()
    pair, free = torch.randn(4, 2, 2, generator=generator), factor(2, 2, 1, coupling=0.0)
    assert not free(pair).any() and not free.derivatives(pair)[1].any()
