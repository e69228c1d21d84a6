import math

import pytest
import torch
from torch import nn

from physgen.models import FlowModel, InvertibleMLPFlow, MLPFlow
from physgen.objectives.reverse_kl import GRADIENTS, reverse_kl
from physgen.systems import ClassicalDot, QuarticWell

BETA, DIM = 1.5, 3


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(12)


class _Affine(FlowModel):
    """x = c (A z + m) for one charge in a trap: beta F_theta and its gradient in closed form."""

    def __init__(self, system, matrix=None, shift=None):
        super().__init__(system)
        self.matrix = nn.Parameter(torch.tensor([[1.2, 0.0, 0.1], [0.5, 0.6, 0.0], [-0.3, 0.2, -0.9]]))
        self.shift = nn.Parameter(torch.tensor([0.4, -0.7, 0.1]))

    def transform(self, z):
        return z @ self.matrix.mT + self.shift, torch.linalg.slogdet(self.matrix).logabsdet.expand(len(z))

    def log_prob(self, x):
        z = torch.linalg.solve(self.matrix, (x.flatten(1) / self.scale - self.shift).mT).mT
        return self.log_latent(z) - torch.linalg.slogdet(self.matrix).logabsdet

    def free_energy(self, beta):
        """beta F_theta, and its derivatives by `matrix` and `shift`."""
        a, m, c = self.matrix.detach(), self.shift.detach(), self.scale
        entropy = torch.linalg.slogdet(a).logabsdet + DIM * (math.log(c) + 0.5 * math.log(2 * math.pi * math.e))
        value = beta * c**2 * (a.square().sum() + m.square().sum()) - entropy
        slopes = 2 * beta * c**2 * a - torch.linalg.inv(a).mT, 2 * beta * c**2 * m
        return value, torch.cat([s.flatten() for s in slopes])


def affine(exact=False):
    model = _Affine(ClassicalDot(1, DIM, BETA))
    if exact:
        with torch.no_grad():
            model.matrix.copy_(torch.linalg.qr(model.matrix)[0] / (math.sqrt(2 * BETA) * model.scale))
            model.shift.zero_()
    return model


def gradient(model, gradient, generator, batch, beta=BETA):
    drawn = reverse_kl(model, batch, beta, generator, gradient)
    slopes = torch.autograd.grad(drawn.loss, list(model.parameters()), allow_unused=True, materialize_grads=True)
    return torch.cat([s.flatten() for s in slopes]), drawn


@pytest.mark.parametrize(("kind", "batch", "batches"), [*((k, 500, 100) for k in GRADIENTS), ("score", 2, 600)])
def test_gradients_are_those_of_the_closed_form(kind, batch, batches, generator, agrees):
    """Unbiased for any batch: two draws show whether the baseline of each leaves it out."""
    model = affine()
    found = torch.stack([gradient(model, kind, generator, batch)[0] for _ in range(batches)])
    exact = model.free_energy(BETA)[1]
    assert exact.abs().max() > 0.5
    agrees(found, exact)


@pytest.mark.parametrize("kind", GRADIENTS)
def test_annealed_temperature_enters_values_and_gradients(kind, generator, agrees):
    model = affine()
    rows = [gradient(model, kind, generator, 300, beta=0.4) for _ in range(80)]
    value, slope = model.free_energy(0.4)
    agrees(torch.stack([row[0] for row in rows]), slope)
    agrees(torch.stack([row[1].values.mean() for row in rows]), value)


@pytest.mark.parametrize("kind", GRADIENTS)
def test_values_of_the_draws(kind, generator):
    model = affine()
    drawn = reverse_kl(model, 50, BETA, generator, kind)
    torch.testing.assert_close(drawn.values, BETA * drawn.energy + drawn.log_prob)
    for held in (drawn.values, drawn.energy, drawn.log_prob):
        assert held.shape == (50,) and not held.requires_grad
    again = reverse_kl(model, 50, BETA, torch.Generator().manual_seed(20240917), kind)
    assert torch.equal(again.energy, drawn.energy) and again.loss == drawn.loss


def test_reparameterised_loss_is_the_free_energy(generator):
    drawn = reverse_kl(affine(), 50, BETA, generator, "reparameterised")
    assert drawn.loss.item() == pytest.approx(drawn.values.mean().item())


def test_no_noise_at_the_exact_density(generator):
    """p = exp(-beta H)/Z: all values are beta F, and path and score gradients vanish for every batch."""
    model = affine(exact=True)
    noise = {}
    for kind in GRADIENTS:
        slope, drawn = gradient(model, kind, generator, 5)
        expected = BETA * ClassicalDot(1, DIM, BETA).references()[0].value
        torch.testing.assert_close(drawn.values, torch.full((5,), expected))
        noise[kind] = slope.abs().max().item()
    assert noise["path"] < 1e-13 and noise["score"] < 1e-13 and noise["reparameterised"] > 0.1


def bent(kind, **arguments):
    """A curved flow, away from its start."""
    model = kind(QuarticWell(beta=2.0), hidden=[6, 6], **arguments)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.25 * torch.randn(parameter.shape))
    return model


@pytest.mark.parametrize(
    "make", [lambda: bent(InvertibleMLPFlow, layers=2), lambda: bent(MLPFlow)], ids=["triangular", "mlp"]
)
def test_three_gradients_of_a_curved_flow_agree(make, agrees):
    """With the same draws, so that only what differs between the estimators is noise."""
    model = make()
    found = {}
    for kind in GRADIENTS:
        generator = torch.Generator().manual_seed(5)
        found[kind] = torch.stack([gradient(model, kind, generator, 100, beta=2.0)[0] for _ in range(60)])
    moved = found["reparameterised"].abs().amax(0) > 1e-12
    assert moved.sum() > 20 and found["path"].mean(0).abs().max() > 0.1
    for kind in ("path", "score"):
        difference = (found[kind] - found["reparameterised"])[:, moved]
        agrees(difference, torch.zeros(int(moved.sum())))
        assert found[kind][:, ~moved].abs().max() < 1e-10 if (~moved).any() else True
