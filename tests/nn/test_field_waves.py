"""Gains of plane waves: determinant and inverse against autograd, symmetries, the covariance of a free field."""

import math

import pytest
import torch

from physgen.nn.flows.field_waves import FieldWaves


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(1)


def moved(size):
    waves = FieldWaves(size)
    with torch.no_grad():
        waves.log_gain.normal_(0, 0.5)
    return waves


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_determinant_and_inverse(size):
    waves = moved(size)
    x = torch.randn(3, size, size)
    y, log_det = waves(x)
    full = torch.autograd.functional.jacobian(lambda one: waves(one.view(1, size, size))[0].flatten(), x[0].flatten())
    torch.testing.assert_close(log_det, torch.linalg.slogdet(full)[1].expand(3))
    back, same = waves.inverse(y)
    torch.testing.assert_close(back, x)
    torch.testing.assert_close(same, log_det)


def test_symmetries():
    waves, x = moved(4), torch.randn(2, 4, 4)
    y = waves(x)[0]
    for image in (lambda f: -f, lambda f: f.mT, lambda f: f.rot90(1, (1, 2)), lambda f: f.roll((1, 2), (1, 2))):
        torch.testing.assert_close(waves(image(x))[0], image(y))


def test_a_free_field():
    """With a(k) = -ln(2 (k^2 + m^2)) / 2 the covariance is the inverse of the matrix of the action."""
    size, mass2 = 4, 0.7
    waves = FieldWaves(size)
    with torch.no_grad():
        for down in range(size):
            for right in range(size // 2 + 1):
                square = sum(4 * math.sin(math.pi * k / size) ** 2 for k in (down, right))
                waves.log_gain[waves.kinds[down, right]] = -0.5 * math.log(2 * (square + mass2))
    full = waves(torch.eye(size**2).view(-1, size, size))[0].flatten(1)
    shifts = [torch.eye(size**2).view(-1, size, size).roll(1, axis).flatten(1) for axis in (1, 2)]
    action = (4 + mass2) * torch.eye(size**2) - sum(s + s.mT for s in shifts)
    torch.testing.assert_close(full @ full.mT, torch.linalg.inv(2 * action))
