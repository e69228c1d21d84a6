import math

import pytest
import torch

from physgen.core.errors import InputError
from physgen.models import GroupAverage, TransformerCouplingFlow
from physgen.systems import ClassicalDot, QuarticWell

SMALL = {"sweeps": 2, "groups": 3, "heads": 3, "hidden": 8, "bins": 12}
KINDS = ["affine", "spline"]


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(3)


def moved(n=5, strength=0.2, **arguments):
    model = TransformerCouplingFlow(ClassicalDot(n, beta=2.0), **{**SMALL, **arguments})
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(strength * torch.randn_like(parameter))
    return model


@pytest.mark.parametrize("coupling", KINDS)
def test_density_is_invariant(coupling):
    """p(g x) = p(x) under permutations, rotations and reflections together."""
    model = moved(coupling=coupling)
    x, log_prob = model.sample(50, torch.Generator().manual_seed(1))
    assert log_prob.std() > 0.5 and model.guarantee == "exact"
    for sign in (1, -1):
        g = torch.linalg.qr(torch.randn(2, 2))[0] * torch.tensor([1.0, sign])
        turned = model.log_prob((x @ g.mT)[:, torch.randperm(5)])
        torch.testing.assert_close(turned.detach(), log_prob, rtol=0, atol=1e-8)


@pytest.mark.parametrize("coupling", KINDS)
def test_log_determinant(coupling):
    model = moved(coupling=coupling)
    z = model.latent(3, torch.Generator().manual_seed(1))
    _, log_det = model.transform(z)
    for row in range(3):
        full = torch.autograd.functional.jacobian(lambda one: model.transform(one[None])[0][0], z[row])
        torch.testing.assert_close(log_det[row], torch.linalg.slogdet(full)[1], rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("coupling", KINDS)
def test_density_is_normalised_by_importance(coupling, agrees):
    """The mean of q / p over draws of p is 1 for another normalised q."""
    model = moved(n=2, coupling=coupling)
    x, log_prob = model.sample(4000, torch.Generator().manual_seed(1))
    width = 0.7 * x.std()
    other = (-0.5 * (x / width).square() - math.log(width * (2 * math.pi) ** 0.5)).sum((1, 2))
    agrees(torch.exp(other - log_prob), 1.0)


@pytest.mark.parametrize("coupling", KINDS)
def test_two_charges_are_learned(coupling, trainer):
    """Reverse KL against the exact free energy by quadrature: a bound, and close."""
    dot = ClassicalDot(2, beta=2.0)
    small = {**SMALL, "sweeps": 1, "bins": 8}
    model = TransformerCouplingFlow(dot, coupling=coupling, batch_size=64, **small, steps_per_epoch=100)
    trainer(epochs=1).fit(model)
    x, log_prob = model.sample(4000, torch.Generator().manual_seed(2))
    values = log_prob + dot.beta * (dot.energy(x) - dot.references()[0].value)
    left = values.mean().item()
    assert -4 * values.std().item() / 4000**0.5 < left < 0.1


def test_an_average_leaves_it_as_it_is():
    model = GroupAverage(ClassicalDot(5, beta=2.0), group="C4v", model=moved())
    model.sample(20, torch.Generator().manual_seed(1))
    assert model._gain.abs().max() < 1e-8 and model.guarantee == "exact"


@pytest.mark.parametrize("system", [QuarticWell(), ClassicalDot(1), ClassicalDot(3, dim=3)])
def test_other_systems_are_refused(system):
    with pytest.raises(InputError, match="^system must be of two or more particles in the plane") as refusal:
        TransformerCouplingFlow(system)
    assert system.label in str(refusal.value) or repr(system) in str(refusal.value)
    assert "\n" not in str(refusal.value)
