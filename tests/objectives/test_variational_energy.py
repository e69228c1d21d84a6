import math

import pytest
import torch
from scipy import integrate, special
from torch import nn

from physgen.objectives.variational_energy import energy_loss, local_energies
from physgen.systems import QuantumDot


@pytest.fixture(autouse=True)
def double(float64):
    pass


class Gaussian(nn.Module):
    """psi = exp(-alpha omega r^2/2) in a trap without repulsion: E = (N d omega/4) (alpha + 1/alpha)."""

    def __init__(self, alpha, n=2, dim=2, omega=0.5):
        super().__init__()
        self.alpha = nn.Parameter(torch.tensor(alpha))
        self.system = QuantumDot(n, dim, omega, coupling=0)
        self.freedom = n * dim

    def log_psi(self, x):
        r2 = x.square().sum((-1, -2))
        return torch.ones_like(r2), -self.alpha * self.system.omega / 2 * r2

    def derivatives(self, x):
        width = self.alpha.detach() * self.system.omega
        return -width * x, (-width * self.freedom).expand(len(x))

    def local_energy(self, x):
        return self.system.local_energy(self, x)

    def draw(self, num, generator):
        width = (2 * self.alpha.item() * self.system.omega) ** -0.5
        return width * torch.randn(num, self.system.n, self.system.dim, generator=generator)

    def energy(self):
        alpha = self.alpha.item()
        return self.freedom * self.system.omega / 4 * (alpha + 1 / alpha)

    def slope(self):
        """dE/d alpha in units of omega."""
        return self.freedom / 4 * (1 - self.alpha.item() ** -2)

    def clipped_slope(self, clip):
        """What clipped weights make of the slope: E_L is linear in u = alpha omega r^2, a Gamma variable."""
        alpha, shape = self.alpha.item(), self.freedom / 2
        density = lambda u: u ** (shape - 1) * math.exp(-u) / math.gamma(shape)  # noqa: E731

        def mean(function):
            cuts = [0.0, median, *kinks, 60.0]
            return sum(
                integrate.quad(lambda u: function(u) * density(u), a, b)[0]
                for a, b in zip(sorted(cuts)[:-1], sorted(cuts)[1:], strict=True)
            )

        median, kinks = special.gammaincinv(shape, 0.5), []
        limit = clip * mean(lambda u: abs(u - median))
        kinks = [u for u in (median - limit, median + limit) if 0 < u < 60]
        clamped = lambda u: max(-limit, min(limit, u - median))  # noqa: E731
        centre = mean(clamped)
        # E_L/omega = const + (1 - alpha^2)/(2 alpha) u and d ln psi/d alpha = -u/(2 alpha)
        return 2 * (1 - alpha**2) / (2 * alpha) * mean(lambda u: (clamped(u) - centre) * -u / (2 * alpha))


def gradients(model, clip, generator, batches=150, batch=1000):
    """Gradients of independent batches, from the surrogate and from the jacobian alike."""
    found = []
    for _ in range(batches):
        x = model.draw(batch, generator)
        measured = local_energies(model, x, clip)
        (gradient,) = torch.autograd.grad(energy_loss(model.log_psi(x)[1], measured.weights), model.alpha)
        jacobian = -model.system.omega / 2 * x.square().sum((-1, -2))
        torch.testing.assert_close(gradient, 2 * (measured.weights * jacobian).mean(), rtol=1e-12, atol=1e-12)
        found.append(gradient)
    # the mean over the batch is among the centred energies: (B - 1)/B of the gradient
    return torch.stack(found) * batch / (batch - 1)


@pytest.mark.parametrize("alpha", [0.4, 0.9, 1.7])
@pytest.mark.parametrize(("n", "dim"), [(2, 2), (1, 3)])
@pytest.mark.parametrize("clip", [None, 1e3])
def test_gradient_is_that_of_the_closed_form(alpha, n, dim, clip, generator, agrees):
    model = Gaussian(alpha, n, dim)
    agrees(gradients(model, clip, generator), model.slope())


@pytest.mark.parametrize("alpha", [0.4, 1.7])
@pytest.mark.parametrize("clip", [1.0, 5.0])
def test_clipped_gradient_by_quadrature(alpha, clip, generator, agrees):
    model = Gaussian(alpha)
    expected = model.clipped_slope(clip)
    assert model.clipped_slope(1e3) == pytest.approx(model.slope(), rel=1e-6)
    # shorter than the gradient, never of the other sign
    assert 0.3 < expected / model.slope() < (0.95 if clip == 1 else 1)
    agrees(gradients(model, clip, generator), expected, bias=2e-3 * abs(expected))


def test_energies_of_the_batch_are_those_of_the_system(generator, agrees):
    model = Gaussian(0.6)
    x = model.draw(50_000, generator)
    terms = local_energies(model, x, 1.0).terms
    expected = model.system.local_energy(model, x)
    assert list(terms) == ["kinetic", "trap", "coulomb", "total"]
    assert all(torch.equal(terms[k], v) for k, v in expected.items())  # never clipped
    agrees(terms["total"], model.energy())


@pytest.mark.parametrize("clip", [None, 5.0])
def test_no_gradient_at_the_exact_state(clip, generator):
    model = Gaussian(1.0)
    x = model.draw(200, generator)
    measured = local_energies(model, x, clip)
    assert measured.weights.abs().max() < 1e-13
    loss = energy_loss(model.log_psi(x)[1], measured.weights)
    assert torch.autograd.grad(loss, model.alpha)[0].abs() < 1e-13


class Given:
    """A model whose local energies are given."""

    def __init__(self, energies, scale=1.0):
        self.energies = torch.tensor(energies)
        self.system = type("System", (), {"energy_scale": scale})

    def local_energy(self, x):
        return {"total": self.energies}


def weigh(energies, clip, scale=1.0):
    return local_energies(Given(energies, scale), torch.zeros(len(energies), 1, 1), clip)


def test_outliers_are_limited_and_counted():
    energies = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 1000.0, -1000.0]
    # median 3; mean absolute deviation (2 * (1 + 2 + 3) + 997 + 1003) / 9
    deviation = 2012 / 9
    measured = weigh(energies, 2.0)
    assert measured.clipped == pytest.approx(2 / 9)
    limited = torch.tensor([-3.0, -2, -1, 0, 1, 2, 3, 2 * deviation, -2 * deviation])
    torch.testing.assert_close(measured.weights, limited - limited.mean())
    assert measured.weights.sum().abs() < 1e-10
    assert weigh(energies, 5.0).clipped == 0
    unlimited = weigh(energies, None)
    assert unlimited.clipped == 0
    torch.testing.assert_close(unlimited.weights, torch.tensor(energies) - sum(energies) / 9)


def test_weights_are_in_units_of_the_energy_scale():
    energies = [0.0, 1.0, 5.0, 7.0]
    torch.testing.assert_close(weigh(energies, 5.0, scale=0.1).weights, 10 * weigh(energies, 5.0).weights)


def test_one_infinite_energy_weighs_as_much_as_the_limit():
    measured = weigh([0.0, 1.0, 2.0, 3.0, 4.0, math.inf], 2.0)
    assert measured.clipped == pytest.approx(1 / 6) and measured.weights.isfinite().all()
    # of the finite ones: median 2, mean absolute deviation 1.2
    assert (measured.weights[5] - measured.weights[2]).item() == pytest.approx(2 * 1.2)


@pytest.mark.parametrize(("bad", "clip"), [(math.nan, 5.0), (math.nan, None), (math.inf, None), (-math.inf, None)])
def test_what_cannot_be_weighed_has_the_weight_of_the_median_and_stays_in_the_report(bad, clip):
    measured = weigh([0.0, 1.0, bad, 2.0], clip)
    torch.testing.assert_close(measured.weights, torch.tensor([-1.0, 0.0, 0.0, 1.0]))
    assert not measured.terms["total"].isfinite().all() and measured.centre == 1


def test_no_finite_energy_at_all():
    measured = weigh([math.nan, math.inf], 5.0)
    assert measured.centre.isnan() and measured.clipped == 1 and not measured.weights.any()


def test_surrogate_of_half_precision_keeps_its_type():
    loss = energy_loss(torch.ones(4, dtype=torch.bfloat16), torch.tensor([1.0, 2.0, -1.0, 2.0]))
    assert loss.dtype == torch.bfloat16 and loss.item() == 2
