import math

import pytest
import torch

from physgen.core.errors import InputError
from physgen.systems import QuantumDot, TautState, two_electrons

STATES = [(dim, state, degree) for dim in (2, 3) for state in ("singlet", "triplet") for degree in (1, 2, 3, 6, 12)]


@pytest.fixture(params=STATES, ids=lambda p: f"{p[0]}d-{p[1]}-{p[2]}")
def state(request):
    return TautState(*request.param)


def draw(state, num=200):
    return state.system.initial(num, torch.Generator().manual_seed(5), dtype=torch.float64)


def test_local_energy_has_zero_variance(state):
    local = state.system.local_energy(state, draw(state))
    assert (local["total"] - state.energy).abs().max() < 1e-9


def test_energy_is_that_of_the_radial_equation(state):
    solution = two_electrons(state.omega, state.dim, state=state.state)
    assert state.energy == pytest.approx(solution.energy, abs=1e-10)
    assert all(a > 0 for a in state.coefficients) and state.coefficients[0] == 1


def test_derivatives_match_autograd(state):
    x = draw(state, 20)

    def logabs(y):
        return state.log_psi(y)[1]

    gradient, laplacian = state.derivatives(x)
    hessian = torch.vmap(torch.func.hessian(logabs))(x).reshape(20, 2 * state.dim, 2 * state.dim)
    expected = hessian.diagonal(dim1=-2, dim2=-1).sum(-1)
    torch.testing.assert_close(gradient, torch.vmap(torch.func.grad(logabs))(x), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(laplacian, expected, rtol=1e-10, atol=1e-10)


def test_vmap_and_more_batch_dimensions(state):
    x = draw(state, 6)
    for call in (state.log_psi, state.derivatives):
        for one, other in zip(torch.vmap(call)(x), call(x), strict=True):
            torch.testing.assert_close(one, other)
        for one, other in zip(call(x.reshape(2, 3, 2, state.dim)), call(x), strict=True):
            torch.testing.assert_close(one.flatten(0, 1), other)


def test_exchange(state):
    x = draw(state, 9)
    (sign, logabs), (swapped, other) = state.log_psi(x), state.log_psi(x.flip(-2))
    torch.testing.assert_close(logabs, other)
    assert torch.equal(sign, swapped if state.state == "singlet" else -swapped)


# 1 / omega of Taut's papers for n = 1, 2, 3
PRINTED = {
    (2, "singlet"): (1, 6, 18.54400375),
    (2, "triplet"): (3, 14, 36.27882060),
    (3, "singlet"): (2, 10, 27.36931688),
    (3, "triplet"): (4, 18, 45.22374842),
}


@pytest.mark.parametrize(("key", "inverses"), PRINTED.items())
def test_frequencies(key, inverses):
    for degree, inverse in enumerate(inverses, 1):
        assert 1 / TautState(*key, degree).omega == pytest.approx(inverse, rel=1e-9)


def test_first_states_in_closed_form():
    third = TautState(2, degree=2)
    assert third.coefficients == pytest.approx((1, 1, 1 / 6)) and third.energy == pytest.approx(2 / 3)
    x = torch.tensor([[[0.3, 0.1], [-0.5, 0.7]]], dtype=torch.float64)
    psi = math.log1p(1) - (0.1 + 0.74) / 2  # r12 = 1 at omega = 1: (1 + r12) exp(-(r1^2 + r2^2) / 2)
    assert TautState().log_psi(x)[1].item() == pytest.approx(psi)
    assert TautState(2, "triplet").log_psi(x)[1].item() == pytest.approx(math.log(0.8 * 4 / 3) - 0.84 / 6)


def test_cusp_is_the_first_coefficient():
    assert TautState(3, coupling=2).coefficients[1] == pytest.approx(1)
    assert TautState(2, "triplet", 4, coupling=3).coefficients[1] == pytest.approx(1)


def test_coupling_scales_the_state():
    state = TautState(2, "singlet", 2, coupling=2)
    assert state.omega == pytest.approx(4 / 6) and state.system == QuantumDot(2, 2, state.omega, 2)
    local = state.system.local_energy(state, draw(state))["total"]
    assert (local - state.energy).abs().max() < 1e-9
    assert TautState(3, "triplet").system.n_up == 2


def test_single_precision_and_text():
    state = TautState(3, "triplet")
    assert state.log_psi(draw(state, 2).float())[1].dtype == torch.float32
    assert eval(repr(state)).energy == state.energy


@pytest.mark.parametrize(
    ("name", "value"),
    [("dim", 1), ("state", "quintet"), ("degree", 0), ("degree", 1.0), ("coupling", 0), ("coupling", math.nan)],
)
def test_bad_arguments_are_named(name, value):
    with pytest.raises(InputError, match=f"^{name} must be"):
        TautState(**{name: value})
