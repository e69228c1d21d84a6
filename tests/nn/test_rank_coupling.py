import math

import pytest
import torch

from physgen.core.errors import InputError
from physgen.nn.flows.rank_coupling import Polar, RadiusChain, RankCoupling

KINDS = ["affine", "spline"]


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(4)


def shaken(layer, strength=0.3):
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(strength * torch.randn_like(parameter))
    return layer


def layers(kind, n=5):
    yield shaken(RadiusChain(n, kind, 8))
    for groups in (2, 9):
        yield shaken(RankCoupling(n, kind, groups=groups, heads=3, hidden=8, bins=8))


def ranked(batch, n=5):
    half = torch.empty(batch, n).exponential_().sort(-1).values
    return Polar(half, math.tau * torch.rand(batch, n))


@pytest.mark.parametrize("kind", KINDS)
def test_inverse_ranks_and_log_determinant(kind):
    x = ranked(30)
    for layer in layers(kind):
        y, log_det = layer(x)
        assert (torch.diff(y.half, dim=-1) > 0).all() and (y.half > 0).all()
        back, inverse_log_det = layer.inverse(y)
        torch.testing.assert_close(back.points, x.points, rtol=1e-8, atol=1e-8)
        torch.testing.assert_close(inverse_log_det, -log_det, rtol=1e-7, atol=1e-7)
        for row in range(2):

            def coordinates(one, layer=layer):
                return torch.cat(layer(Polar(*one.view(1, 2, 5).unbind(1)))[0], -1)[0]

            full = torch.autograd.functional.jacobian(coordinates, torch.cat([x.half[row], x.angle[row]]))
            sign, value = torch.linalg.slogdet(full)
            assert sign == 1
            torch.testing.assert_close(log_det[row], value, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("kind", KINDS)
def test_commutes_with_rotations_and_reflections(kind):
    x = ranked(30)
    for layer in layers(kind):
        y, log_det = layer(x)
        for sign in (1, -1):
            turned, same = layer(Polar(x.half, sign * x.angle + 1.3))
            torch.testing.assert_close(same, log_det, rtol=1e-10, atol=1e-10)
            expected = Polar(y.half, sign * y.angle + 1.3).points
            torch.testing.assert_close(turned.points, expected, rtol=1e-10, atol=1e-10)


def test_particles_see_each_other():
    """With a group for each particle every move depends on where every other is."""
    layer = shaken(RankCoupling(4, "spline", groups=4, heads=3, hidden=8, bins=8))
    x = ranked(1, 4)
    slopes = torch.autograd.functional.jacobian(lambda angle: layer(Polar(x.half, angle))[0].half, x.angle)[0, :, 0]
    assert (slopes.abs() > 1e-8).all()


def test_starts_near_the_identity():
    x = ranked(20)
    for kind in KINDS:
        for layer in (RadiusChain(5, kind, 8), RankCoupling(5, kind, heads=3, hidden=8, bins=8)):
            torch.testing.assert_close(layer(x)[0].points, x.points, rtol=0, atol=0.05)


@pytest.mark.parametrize(
    "arguments",
    [{"kind": "cubic"}, {"groups": 1}, {"heads": 0}, {"radii": 0}, {"hidden": 0}, {"bins": 3}, {"n": 1}],
)
def test_bad_arguments(arguments):
    name = {"kind": "coupling"}.get(*arguments, next(iter(arguments)))
    with pytest.raises(InputError, match=f"^{name} must be "):
        RankCoupling(**{"n": 4, "kind": "spline", **arguments})
