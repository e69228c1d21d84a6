import math

import numpy as np
import pytest
import torch

from physgen.nn.flows.jacobian_mlp import JacobianMLP
from physgen.nn.flows.preimages import preimages


def wave(strength):
    """z -> z + a sin z, which folds for a > 1."""

    def jacobian(z):
        return z + strength * torch.sin(z), (1 + strength * torch.cos(z)).unsqueeze(-1)

    return jacobian


def roots_of_wave(x, strength, shift=0.0):
    """All z with z + a sin(z + shift) = x, by changes of sign on a fine grid and bisection."""
    z = np.linspace(x - strength - 1e-3, x + strength + 1e-3, 5_001)
    f = z + strength * np.sin(z + shift) - x
    found = []
    for i in np.nonzero(np.sign(f[1:]) != np.sign(f[:-1]))[0]:
        low, high = z[i], z[i + 1]
        for _ in range(50):
            middle = (low + high) / 2
            beyond = (middle + strength * math.sin(middle + shift) - x > 0) == (f[i + 1] > 0)
            low, high = (low, middle) if beyond else (middle, high)
        found.append(low)
    return found


def plane(z):
    """A map that folds in both coordinates: (u + 2 sin u, v + 1.5 sin(v + u))."""
    u, v = z.unbind(-1)
    value = torch.stack([u + 2 * torch.sin(u), v + 1.5 * torch.sin(v + u)], -1)
    slope = 1.5 * torch.cos(v + u)
    rows = [torch.stack([1 + 2 * torch.cos(u), torch.zeros_like(u)], -1), torch.stack([slope, 1 + slope], -1)]
    return value, torch.stack(rows, -2).mT


def square(z):
    return z.square(), 2 * z.unsqueeze(-1)


def column(*values):
    return torch.tensor(values, dtype=torch.float64)[:, None]


def sorted_roots(z, found):
    return [sorted(map(tuple, row[keep].tolist())) for row, keep in zip(z, found, strict=True)]


@pytest.mark.parametrize("strength", [0.5, 1.5, 3.0, 6.0])
def test_folding_line(strength, generator):
    x = 8 * torch.rand(40, 1, generator=generator, dtype=torch.float64) - 4
    z, found = preimages(wave(strength), x, torch.linspace(-12, 12, 97, dtype=torch.float64)[:, None])
    assert z.shape == (40, 97, 1) and found.shape == (40, 97)
    counts = set()
    for roots, target in zip(sorted_roots(z, found), x[:, 0].tolist(), strict=True):
        expected = roots_of_wave(target, strength)
        counts.add(len(expected))
        assert [r[0] for r in roots] == pytest.approx(expected, abs=1e-9)
    assert (counts == {1}) == (strength < 1)


def test_folding_plane(generator):
    x = 6 * torch.rand(12, 2, generator=generator, dtype=torch.float64) - 3
    grid = torch.linspace(-6, 6, 19, dtype=torch.float64)
    z, found = preimages(plane, x, torch.cartesian_prod(grid, grid))
    counts = set()
    for roots, (first, second) in zip(sorted_roots(z, found), x.tolist(), strict=True):
        expected = [(u, v) for u in roots_of_wave(first, 2.0) for v in roots_of_wave(second, 1.5, u)]
        counts.add(len(expected))
        assert len(roots) == len(expected)
        found_here, expected = (sorted(r, key=lambda p: np.round(p, 6).tolist()) for r in (roots, expected))
        np.testing.assert_allclose(found_here, expected, atol=1e-8)
    assert len(counts) > 2 and max(counts) >= 5


def test_outside_the_image_nothing_is_found():
    z, found = preimages(square, column(-1.0, -1e-3, 1.0, 4.0), column(0.3, -0.7, 2.0, -5.0, 0.0))
    assert found.sum(1).tolist() == [0, 0, 2, 2]
    assert sorted(z[3][found[3]].flatten().tolist()) == pytest.approx([-2, 2])

    def bounded(z):
        return torch.tanh(z), torch.diag_embed(1 / torch.cosh(z).square())

    x = torch.tensor([[0.5, 1.01], [0.5, 0.99], [-3.0, 0.0]], dtype=torch.float64)
    starts = torch.randn(8, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    z, found = preimages(bounded, x, starts)
    assert found.sum(1).tolist() == [0, 1, 0]
    assert z[1][found[1]][0].tolist() == pytest.approx([math.atanh(0.5), math.atanh(0.99)])


def test_a_fold_point_counts_once():
    """At x = 0 the two preimages of z^2 meet: a residual of 1e-9 leaves 3e-5 in z."""
    _, found = preimages(square, column(0.0), column(1.0, -1.0, 0.5, -2.0))
    assert found.tolist() == [[True, False, False, False]]


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float64, 1e-9)])
@pytest.mark.parametrize("count", [8, 40])
def test_one_root_is_counted_once_in_every_precision(dtype, tolerance, count, generator):
    """Starts end at one root up to rounding, which is far larger in float32."""
    torch.manual_seed(6)
    curved = JacobianMLP([4, 16, 4], "asinh").to(dtype)

    def jacobian(z):  # close enough to 2 z to be one to one
        value, transposed = curved.jacobian(z)
        return 2 * z + 0.3 * value, 2 * torch.eye(4, dtype=dtype) + 0.3 * transposed

    z = torch.randn(100, 4, generator=generator, dtype=dtype)
    starts = torch.randn(count, 4, generator=generator, dtype=dtype)
    root, found = preimages(jacobian, jacobian(z)[0], starts, tolerance=tolerance)
    assert (found.sum(1) == 1).all()
    # a last step goes beyond the tolerance
    torch.testing.assert_close(root[found], z, rtol=0, atol=1e-13 if dtype == torch.float64 else 1e-5)


def test_targets_and_starts_are_left_alone(generator):
    x = torch.randn(3, 1, generator=generator, dtype=torch.float64)
    starts = torch.randn(2, 1, generator=generator, dtype=torch.float64)
    kept = x.clone(), starts.clone()
    preimages(wave(0.5), x, starts)
    assert torch.equal(x, kept[0]) and torch.equal(starts, kept[1])
