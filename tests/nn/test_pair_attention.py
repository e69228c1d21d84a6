import math

import pytest
import torch
from torch.autograd.functional import jacobian

from physgen.core.errors import InputError
from physgen.nn.flows.pair_attention import PairAttention
from physgen.nn.flows.residual_inverse import residual_inverse

SHAPES = [(1, 2), (2, 2), (5, 2), (4, 3)]


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(5)


def block_of(heads, strength=0.3, **arguments):
    block = PairAttention(heads=heads, **{"radii": 3, "hidden": 8, **arguments})
    with torch.no_grad():
        block.last.weight.normal_(0, strength)
        block.last.bias.normal_(0, strength)
    return block


def centred(*shape):
    y = torch.randn(*shape)
    return y - y.mean(1, keepdim=True)


def plain(block, y):
    """The formula of the docstring, particle by particle."""
    n = len(y)
    moved = []
    square = (y[:, None] - y[None]).square().sum(-1)
    kernels = [torch.exp(-(2.0**m) * square * torch.exp(-block.log_range)) for m in range(block.heads)]
    kernels = [k * (1 - torch.eye(n)) for k in kernels]
    crowd = [k.sum(1) for k in kernels]
    outer = []
    for i in range(n):
        s = y.square().sum(1)
        if block.radial == "ladder":
            own = [torch.exp(-(2.0**k) * s[i] * torch.exp(-block.log_radius)) for k in range(block.radii)]
        else:
            width = block.reach / (block.radii - 1)
            own = [torch.exp(-0.5 * (s[i] / width - k) ** 2) for k in range(block.radii)]
        widths = block.log_rank.exp() if block.ranks else []
        nearer = [(sum(torch.sigmoid((s[i] - s[j]) / t) for j in range(n)) - 0.5) * 2 / n - 1 for t in widths]
        features = torch.stack([*(torch.log1p(c[i]) for c in crowd), *own, *nearer])
        outer.append(block.last(torch.tanh(block.first(features))))
    for i in range(n):
        shift = outer[i][-1] * y[i]
        for m in range(block.heads):
            alpha = kernels[m] / (1 + crowd[m])[:, None]
            for j in range(n):
                shift = shift + (alpha[i, j] * outer[i][m] + alpha[j, i] * outer[j][m]) * (y[i] - y[j])
        moved.append(shift)
    moved = torch.stack(moved)
    return moved - moved.mean(0)


@pytest.mark.parametrize(("radial", "ranks"), [("ladder", 0), ("bumps", 2)])
@pytest.mark.parametrize("heads", [0, 1, 4])
@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_displacement_and_jacobian(heads, n, d, radial, ranks):
    """Both against the plain formula; the Jacobian as a motion relative to the centre of mass."""
    block = block_of(heads, radial=radial, ranks=ranks)
    y = centred(3, n, d)
    shift, found = block.jacobian(y)
    assert torch.equal(block(y), shift)
    for row in range(3):
        torch.testing.assert_close(shift[row], plain(block, y[row]), rtol=1e-12, atol=1e-12)
        expected = jacobian(lambda one: plain(block, one - one.mean(0)), y[row])
        expected = expected.permute(1, 0, 3, 2).reshape(d * n, d * n)
        torch.testing.assert_close(found[row], expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(("radial", "ranks"), [("ladder", 1), ("bumps", 2)])
def test_gradients_of_the_jacobian(radial, ranks):
    block = block_of(2, radial=radial, ranks=ranks)
    y = centred(2, 4, 2)
    weight = torch.randn(2, 8, 8)
    parameters = list(block.parameters())
    ours = torch.autograd.grad((weight * block.jacobian(y)[1]).sum(), parameters)
    step = 1e-5
    for parameter, gradient in zip(parameters, ours, strict=True):
        direction = torch.randn_like(parameter)
        values = []
        for sign in (1, -2, 1):
            with torch.no_grad():
                parameter.add_(sign * step * direction)
                values.append((weight * block.jacobian(y)[1]).sum().item())
        slope = (values[0] - values[1]) / (2 * step)
        assert (gradient * direction).sum().item() == pytest.approx(slope, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("heads", [0, 3])
@pytest.mark.parametrize("d", [2, 3])
def test_equivariance(heads, d):
    block = block_of(heads, radial="bumps", ranks=2)
    y = centred(4, 6, d)
    shift = block(y)
    group = torch.linalg.qr(torch.randn(2, d, d))[0]
    group[1] *= -torch.sign(torch.linalg.det(group).prod())
    assert torch.linalg.det(group).prod() < 0 or d % 2 == 0  # rotations and reflections
    for g in group:
        torch.testing.assert_close(block(y @ g.mT), shift @ g.mT, rtol=1e-12, atol=1e-12)
    order = torch.randperm(6)
    torch.testing.assert_close(block(y[:, order]), shift[:, order], rtol=1e-12, atol=1e-12)
    assert shift.mean(1).abs().max() < 1e-15


def test_attention_off_is_one_particle_at_a_time():
    """Without attention the motion before the centre is taken out depends on the particle alone."""
    block = block_of(0)
    y = torch.randn(1, 5, 2)
    other = y.clone()
    other[0, 4] += 1.0
    difference = (block(other) - block(y))[0, :4]
    torch.testing.assert_close(difference, difference[:1].expand(4, 2), rtol=0, atol=1e-14)
    seen = block_of(2)
    difference = (seen(other) - seen(y))[0, :4]
    assert (difference - difference[:1]).abs().max() > 1e-3


@pytest.mark.parametrize("arguments", [
    {"heads": -1}, {"radii": 0}, {"hidden": 0}, {"range": 0.0}, {"radial": "rings"}, {"ranks": 4},
    {"radii": 1, "radial": "bumps"},
])  # fmt: skip
def test_bad_arguments(arguments):
    with pytest.raises(InputError, match=f"^{next(iter(arguments))} must be "):
        PairAttention(**arguments)


def test_an_identity_block_moves_nothing_and_learns():
    block = block_of(3, radial="bumps", ranks=1)
    block.make_identity()
    y = centred(2, 5, 2)
    shift, full = block.jacobian(y)
    assert shift.abs().max() == 0 and full.abs().max() == 0
    grown = torch.autograd.grad((block(y) * torch.randn_like(y)).sum(), block.last.weight)[0]
    assert grown.abs().max() > 0


def test_inverse_of_a_block():
    block = block_of(3, strength=0.02)
    y = centred(30, 6, 2)
    x = y + block(y)
    back, found = residual_inverse(block.jacobian, x)
    assert bool(found.all())
    torch.testing.assert_close(back, y, rtol=1e-11, atol=1e-11)


def test_inverse_says_where_there_is_none():
    """y + D(y) = y^2 + 1 in one dimension has no root at x = 0, two at x = 2."""

    def jacobian(y):
        return y.square() + 1 - y, (2 * y - 1).view(-1, 1, 1)

    y, found = residual_inverse(jacobian, torch.tensor([0.0, 2.0, 10.0]).view(3, 1, 1))
    assert found.tolist() == [False, True, True]
    torch.testing.assert_close(y[1:, 0, 0], torch.tensor([1.0, 3.0]))


def test_inverse_by_continuation():
    """From y = x Newton's method goes astray for this steep step; along t it does not."""

    def jacobian(y):
        inner = 40 * (y - 3)
        return 2 * torch.tanh(inner), (80 / torch.cosh(inner).square()).view(-1, 1, 1)

    x = torch.linspace(-4, 8, 41).view(-1, 1, 1)
    y, found = residual_inverse(jacobian, x)
    assert bool(found.all()) and math.isclose((y + jacobian(y)[0] - x).abs().max().item(), 0, abs_tol=1e-9)
