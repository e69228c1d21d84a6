import math

import numpy as np
import pytest
import torch

from physgen.nn.oscillator.jacobi_vectors import permutation_matrices
from physgen.nn.oscillator.products import ProductTables
from physgen.nn.oscillator.symmetric_states import lowest_quanta, symmetric_states

CASES = [(2, 1, 7), (2, -1, 7), (3, 1, 5), (3, -1, 4), (4, 1, 3)]


def partition(n, sign, x):
    """Canonical partition function in x = exp(-t), zero point left out, by its recursion."""
    z = [1.0]
    for size in range(1, n + 1):
        z.append(sum(sign ** (k + 1) * (1 - x**k) ** -2 * z[size - k] for k in range(1, size + 1)) / size)
    return z[n]


@pytest.mark.parametrize(("n", "sign", "above"), CASES)
def test_the_numbers_of_states_are_those_of_the_free_gas(n, sign, above):
    """Coefficients of Z_n / Z_cm in powers of exp(-t), by a discrete Fourier transform on a circle."""
    states, size = symmetric_states(n, sign, above), 64
    radius = 0.5
    points = radius * np.exp(2j * np.pi * np.arange(size) / size)
    values = np.array([partition(n, sign, x) * (1 - x) ** 2 for x in points])
    expected = (np.fft.fft(values) / size).real / radius ** np.arange(size)
    counted = np.zeros(size)
    for block in states.blocks:
        for quanta in block.quanta:
            counted[quanta] += (block.even is not None) + (block.odd is not None)
    top = lowest_quanta(n, sign) + above
    np.testing.assert_allclose(counted[: top + 1], expected[: top + 1], atol=1e-6)
    assert states.count == counted.sum()


@pytest.mark.parametrize(("n", "sign", "above"), CASES)
def test_states_are_orthonormal_and_have_the_symmetries_that_they_say(n, sign, above):
    states = symmetric_states(n, sign, above)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(5, 2 * (n - 1), generator=generator, dtype=torch.float64)
    matrices, signs = permutation_matrices(n)

    def values(block, at):
        found = {}
        for name in ("even", "odd"):
            held = getattr(block, name)
            if held is not None:
                np.testing.assert_allclose(held.T @ held, np.eye(held.shape[1]), atol=1e-12)
                index = torch.as_tensor(getattr(states, name))
                found[name] = ProductTables(at, index).values() @ torch.as_tensor(held)
        return found

    angle = 0.3
    turn = torch.tensor([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]], dtype=torch.float64)
    reflect = torch.tensor([1.0, -1.0], dtype=torch.float64)
    for block in states.blocks:
        own = values(block, x)
        for matrix, parity in zip(matrices[1:3], signs[1:3], strict=False):
            moved = (torch.as_tensor(matrix) @ x.view(5, n - 1, 2)).flatten(1)
            for name, value in values(block, moved).items():
                torch.testing.assert_close(value, own[name] * (parity if sign < 0 else 1))
        mirrored = values(block, (x.view(5, n - 1, 2) * reflect).flatten(1))
        for name, factor in (("even", 1), ("odd", -1)):
            if name in own:
                torch.testing.assert_close(mirrored[name], factor * own[name])
        rotated = values(block, (x.view(5, n - 1, 2) @ turn).flatten(1))
        if block.m == 0:
            for name, value in rotated.items():
                torch.testing.assert_close(value, own[name])
        else:
            # the two partners turn into each other by the angle m
            before, after = torch.complex(own["even"], own["odd"]), torch.complex(rotated["even"], rotated["odd"])
            ratio = after / before
            torch.testing.assert_close(ratio.abs(), torch.ones_like(ratio.abs()))
            phase = torch.polar(
                torch.ones(1, dtype=torch.float64), torch.tensor([block.m * angle], dtype=torch.float64)
            )
            assert torch.allclose(ratio, phase.expand_as(ratio)) or torch.allclose(ratio, phase.conj().expand_as(ratio))
