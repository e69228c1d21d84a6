"""Reference Monte Carlo refuses what it cannot treat, in one line and before any chain moves."""

import pytest
import torch

from physgen.core.errors import InputError
from physgen.monte_carlo import MonteCarlo, Settings, reference
from physgen.monte_carlo.suitability import check_suitable
from physgen.systems import ClassicalDot, ClassicalSystem, QuantumDot, QuarticWell


class _Trapped(ClassicalSystem):
    n, dim, beta = 3, 2, 1.0

    def terms(self, x):
        return {"trap": self.felt(x).square().sum((-1, -2))}

    def felt(self, x):
        return x


def system_with(name, method):
    return type(f"_{name}", (_Trapped,), {name: lambda self, *args, **kwargs: method(*args, **kwargs)})()


BAD = {
    "whole numbers": system_with("initial", lambda num, generator=None, dtype=None, device=None: torch.ones(num, 3, 2)),
    "autograd": system_with("felt", lambda x: x.detach()),
    "not zero everywhere": system_with("felt", lambda x: x.round() + 0 * x),
    "finite differences": system_with("felt", lambda x: 2 * x - x.detach()),
    "finite energy": system_with("terms", lambda x: {"hole": (-1 - x.square()).log().sum((-1, -2))}),
    "does not fall off": system_with("terms", lambda x: {"wave": x.sin().sum((-1, -2))}),
    "hold its particles": system_with("terms", lambda x: {"hill": -x.square().sum((-1, -2))}),
    "a classical system": QuantumDot(2),
}


@pytest.mark.parametrize("words", BAD)
def test_a_system_that_cannot_be_treated_is_refused(words):
    with pytest.raises(InputError, match=words):
        check_suitable(BAD[words])
    for ask in (lambda: reference(BAD[words]), lambda: MonteCarlo(BAD[words], Settings())):
        with pytest.raises(InputError, match=words):
            ask()


HELD = [ClassicalDot(1), ClassicalDot(2, beta=1e-4), ClassicalDot(2, beta=1e4), ClassicalDot(30, dim=3, beta=0.01)]
HELD += [ClassicalDot(4, coupling=0.0), QuarticWell(1e-3), QuarticWell(1e3), _Trapped()]


@pytest.mark.parametrize("system", HELD)
def test_what_is_held_by_a_trap_is_taken(system):
    check_suitable(system)
