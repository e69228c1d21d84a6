import math

import pytest
import torch

from physgen.core.errors import InputError
from physgen.models import TiedFlow
from physgen.systems import ClassicalDot


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(3)


def moved(symmetry, n=4, dim=2):
    model = TiedFlow(ClassicalDot(n, dim=dim, beta=2.0), symmetry=symmetry, layers=3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model


@pytest.mark.parametrize("symmetry", ["permutation", "rotation", "both"])
def test_density_has_the_symmetry(symmetry):
    model = moved(symmetry)
    x, log_prob = model.sample(20, torch.Generator().manual_seed(1))
    c, s = math.cos(1.1), math.sin(1.1)
    turned = model.log_prob(x @ torch.tensor([[c, -s], [s, c]]).mT)
    permuted = model.log_prob(x.roll(1, dims=1))
    assert torch.allclose(turned, log_prob, atol=1e-10) == (symmetry != "permutation")
    assert torch.allclose(permuted, log_prob, atol=1e-10) == (symmetry != "rotation")


def test_odd_dimension_with_rotations_is_refused():
    for symmetry in ("rotation", "both"):
        with pytest.raises(InputError, match="^dim must be even for rotations, .*, got 3$") as refusal:
            TiedFlow(ClassicalDot(3, dim=3), symmetry=symmetry)
        assert "\n" not in str(refusal.value)
    assert TiedFlow(ClassicalDot(3, dim=3)).log_prob(torch.randn(2, 3, 3)).shape == (2,)


def test_free_particles_are_learned_exactly(trainer):
    """Without repulsion the density is a Gaussian, which the first layer reaches: KL falls to nothing."""
    torch.manual_seed(1)
    dot = ClassicalDot(5, beta=2.0, coupling=0.0)
    model = TiedFlow(
        dot, symmetry="both", layers=1, gradient="path", batch_size=32, steps_per_epoch=200, learning_rate=5e-2
    )
    with torch.no_grad():
        model.net[0].own.mul_(1.3)
    trainer(epochs=1).fit(model)
    x, log_prob = model.sample(2000, torch.Generator().manual_seed(2))
    values = log_prob + dot.beta * dot.energy(x)
    kl = values.mean() - dot.beta * dot.references()[0].value
    assert abs(kl) < 2e-3 and values.std() < 0.1, (kl, values.std())
