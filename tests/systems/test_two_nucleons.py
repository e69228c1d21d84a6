"""Two nucleons on a mesh against closed forms and computed values."""

import math

import numpy as np
import pytest

from physgen.systems.two_nucleons import laguerre_mesh, two_nucleons


@pytest.mark.parametrize("momentum", [0, 1, 2])
def test_oscillator(momentum):
    """hbar^2/m = 1 and V = r^2/4: E = L + 3/2, <r^2> = 2L + 3."""
    state = two_nucleons(lambda r: (r**2 / 4)[:, None, None], (momentum,), points=100, scale=0.05)
    assert state.energy == pytest.approx(momentum + 1.5, abs=1e-10)
    assert (2 * state.radius) ** 2 == pytest.approx(2 * momentum + 3, abs=1e-8)


def test_waves():
    """The ground state of the oscillator, point by point, and its norm by quadrature."""
    state = two_nucleons(lambda r: (r**2 / 4)[:, None, None], points=100, scale=0.05)
    exact = (2 / math.pi) ** 0.25 * state.distance * np.exp(-(state.distance**2) / 4)
    near = state.distance < 8
    np.testing.assert_allclose(state.waves[0, near], exact[near], atol=1e-9)
    _, weights, _ = laguerre_mesh(100, 0.05)
    assert (weights * state.waves[0] ** 2).sum() == pytest.approx(1, abs=1e-12)


def test_coupled_channels():
    """Two channels that a rotation decouples: the lower oscillator, with shares cos^2 and sin^2."""
    angle = 0.3
    rotation = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])

    def potential(r):
        return rotation @ (np.array([[1, 0], [0, 4]]) * r[:, None, None] ** 2 / 4) @ rotation.T

    state = two_nucleons(potential, (0, 0), points=80, scale=0.06)
    assert state.energy == pytest.approx(1.5, abs=1e-9)
    np.testing.assert_allclose(state.shares, [math.cos(angle) ** 2, math.sin(angle) ** 2], atol=1e-9)


def test_coulomb():
    """hbar^2/m = 1 and V = -1/r: E = -1/4."""
    assert two_nucleons(lambda r: (-1 / r)[:, None, None], points=100, scale=0.2).energy == pytest.approx(
        -0.25, abs=1e-9
    )
