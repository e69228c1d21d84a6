import io
import math

import pytest
import torch
from torch import nn

from physgen.core.errors import InputError
from physgen.objectives.variational_energy import centred_rows
from physgen.optim import StochasticReconfiguration
from physgen.optim.stochastic_reconfiguration import kernel
from physgen.systems import QuantumDot


@pytest.fixture(autouse=True)
def double(float64):
    pass


def parameters(sizes=((3, 2), (4,))):
    return [nn.Parameter(torch.zeros(size)) for size in sizes]


def batches(steps, samples, count, generator):
    """Per-sample gradients with a slowly changing mean direction, and weights that they explain in part."""
    slope = torch.randn(count, generator=generator)
    for _ in range(steps):
        jacobian = torch.randn(samples, count, generator=generator) + torch.randn(count, generator=generator)
        yield jacobian, jacobian @ slope + torch.randn(samples, generator=generator)


def flat(params):
    return torch.cat([p.detach().flatten() for p in params])


@pytest.mark.parametrize("samples", [4, 10, 60])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_parameter_space_equals_sample_space(samples, momentum, generator):
    spaces = {}
    for space in ("parameters", "samples", "auto"):
        params = parameters()
        optimizer = StochasticReconfiguration(params, 0.1, 1e-2, momentum, norm_limit=1e3, space=space)
        for batch in batches(6, samples, 10, torch.Generator().manual_seed(1)):
            optimizer.step(lambda batch=batch: centred_rows(*batch))
        assert optimizer.fallbacks == 0
        spaces[space] = flat(params)
    assert spaces["parameters"].abs().max() > 0.1
    torch.testing.assert_close(spaces["parameters"], spaces["samples"], rtol=1e-9, atol=1e-9)
    assert torch.equal(spaces["auto"], spaces["parameters" if samples >= 10 else "samples"])


@pytest.mark.parametrize("space", ["parameters", "samples"])
def test_steps_solve_the_damped_least_squares_problem(space, generator):
    """d = argmin |O d - e|^2 + lambda |d - mu d_prev|^2, as one tall least-squares problem for LAPACK."""
    rate, damping, momentum = 0.1, 0.05, 0.8
    params = parameters()
    optimizer = StochasticReconfiguration(params, rate, damping, momentum, norm_limit=1e3, space=space)
    previous, expected = torch.zeros(10), torch.zeros(10)
    for jacobian, weights in batches(4, 25, 10, generator):
        o = (jacobian - jacobian.mean(0)) / 5
        e = (weights - weights.mean()) / 5
        tall = torch.cat([o, damping**0.5 * torch.eye(10)])
        right = torch.cat([e, damping**0.5 * momentum * previous])
        previous = torch.linalg.lstsq(tall, right[:, None]).solution[:, 0]
        expected = expected - rate * previous
        optimizer.step(lambda batch=(jacobian, weights): centred_rows(*batch))
        torch.testing.assert_close(flat(params), expected, rtol=1e-9, atol=1e-9)
        assert optimizer.report["step_norm"] == pytest.approx(rate * previous.norm().item())
        assert optimizer.report["damping"] == damping


def test_columns_belong_to_parameters_in_their_order():
    params = parameters()
    optimizer = StochasticReconfiguration(params, 1.0, 1e-9, 0.0, norm_limit=1e3)
    generator = torch.Generator().manual_seed(2)
    jacobian, wanted = torch.randn(40, 10, generator=generator), torch.arange(1.0, 11.0)
    optimizer.step(lambda: centred_rows(jacobian, jacobian @ wanted))
    torch.testing.assert_close(params[0].detach(), -wanted[:6].view(3, 2), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(params[1].detach(), -wanted[6:], rtol=1e-6, atol=1e-6)


def oscillator_batch(alpha, omega, samples, generator, n=2, dim=3):
    """Walkers of exp(-alpha omega r^2/2), d ln psi/d alpha and E_L/omega in closed form."""
    x = torch.randn(samples, n, dim, generator=generator) / math.sqrt(2 * alpha * omega)
    r2 = x.square().sum((-1, -2))
    energy = n * dim * alpha * omega / 2 + omega**2 * (1 - alpha**2) / 2 * r2
    return (-omega * r2 / 2)[:, None], (energy - energy.mean()) / omega, energy


@pytest.mark.parametrize("start", [0.3, 2.5])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_gaussian_in_a_trap_finds_the_exact_exponent(start, momentum, generator):
    """Zero variance at the exact state: the noise dies out, and the exponent is 1 to rounding."""
    alpha, omega = nn.Parameter(torch.tensor([start])), 0.5
    optimizer = StochasticReconfiguration([alpha], 0.1, 1e-3, momentum)
    for _ in range(300):
        jacobian, weights, energy = oscillator_batch(alpha.item(), omega, 50, generator)
        optimizer.step(lambda batch=(jacobian, weights): centred_rows(*batch))
    assert alpha.item() == pytest.approx(1, abs=1e-9)
    assert energy.mean().item() == pytest.approx(QuantumDot(2, 3, omega, coupling=0).references()[0].value, abs=1e-9)


def test_a_step_is_imaginary_time(generator):
    """exp(-tau H) keeps the Gaussian: d alpha/d tau = omega (1 - alpha^2), so alpha = tanh(omega tau + c)."""
    start, rate, steps = 0.4, 1e-3, 500
    alpha = nn.Parameter(torch.tensor([start]))
    optimizer = StochasticReconfiguration([alpha], rate, 1e-10, 0.0, norm_limit=1e3)
    for _ in range(steps):
        jacobian, weights, _ = oscillator_batch(alpha.item(), 2.0, 20, generator)
        optimizer.step(lambda batch=(jacobian, weights): centred_rows(*batch))
    # energies are in units of omega, so is the inverse of time
    exact = math.tanh(math.atanh(start) + rate * steps)
    assert alpha.item() == pytest.approx(exact, abs=2 * rate)
    assert abs(exact - start) > 0.2


@pytest.mark.parametrize("space", ["parameters", "samples"])
def test_norm_limit(space, generator):
    for limit in (1e-4, 1e3):
        params = parameters()
        optimizer = StochasticReconfiguration(params, 0.1, 1e-3, 0.9, norm_limit=limit, space=space)
        directions = []
        for batch in batches(3, 30, 10, torch.Generator().manual_seed(3)):
            before = flat(params)
            optimizer.step(lambda batch=batch: centred_rows(*batch))
            step = flat(params) - before
            directions.append(step / step.norm())
            assert optimizer.report["step_norm"] == pytest.approx(step.norm().item())
            assert (step.norm().item() == pytest.approx(limit**0.5)) == (limit < 1)
        if limit < 1:
            shortened = directions
    # the limit shortens a step and leaves its direction and the momentum alone
    torch.testing.assert_close(torch.stack(shortened), torch.stack(directions))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("space", ["parameters", "samples"])
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e155, 1e300])
def test_a_broken_gradient_cannot_break_the_training(bad, space, dtype, generator):
    params = [nn.Parameter(torch.zeros(10, dtype=dtype))]
    optimizer = StochasticReconfiguration(params, 0.1, 1e-3, 0.9, norm_limit=1e-2, space=space)
    (first, second) = batches(2, 30, 10, generator)
    broken = first[0].clone()
    broken[4, 7] = bad
    optimizer.step(lambda: centred_rows(broken, first[1]))
    assert params[0].isfinite().all() and params[0].abs().max() <= 0.1 * (1 + 1e-6)
    assert math.isfinite(optimizer.report["step_norm"])
    assert optimizer.report["fallbacks"] == optimizer.fallbacks <= 1
    if not math.isfinite(bad) or space == "samples":
        assert optimizer.fallbacks == 1 and optimizer.report["damping"] > 1e-3
    before = params[0].detach().clone()
    optimizer.step(lambda: centred_rows(*second))
    # the next step is that of a fresh start: nothing huge is remembered
    if optimizer.fallbacks:
        fresh = [nn.Parameter(before.clone())]
        StochasticReconfiguration(fresh, 0.1, 1e-3, 0.9, norm_limit=1e-2, space=space).step(
            lambda: centred_rows(*second)
        )
        torch.testing.assert_close(params[0], fresh[0])
    assert optimizer.report["damping"] == 1e-3 and not torch.equal(params[0], before)


def test_without_a_solution_the_gradient_is_followed(generator):
    params = parameters(((10,),))
    optimizer = StochasticReconfiguration(params, 0.1, 1e-3, 0.9, norm_limit=1e3, space="parameters")
    ((jacobian, weights),) = batches(1, 30, 10, generator)
    jacobian[0, 3] = math.nan
    optimizer.step(lambda: centred_rows(jacobian, weights))
    gradient = 2 * (jacobian - jacobian.mean(0)).mT @ (weights - weights.mean()) / 30
    assert gradient.isnan().sum() == 1
    torch.testing.assert_close(params[0].detach(), -0.1 * gradient.nan_to_num(0.0))


def test_too_little_damping_is_raised_tenfold():
    """Rank one in float64 with a damping below its rounding: Cholesky fails until the shift is seen."""
    jacobian = 1e4 * torch.linspace(-1, 1, 8)[:, None] * torch.linspace(1, 2, 8)
    params = parameters(((8,),))
    optimizer = StochasticReconfiguration(params, 0.1, 1e-10, 0.0, space="parameters")
    optimizer.step(lambda: centred_rows(jacobian, torch.linspace(-1, 1, 8)))
    assert 1e-10 < optimizer.report["damping"] <= 1e-6 * (1 + 1e-9) and optimizer.fallbacks == 0
    assert params[0].isfinite().all() and params[0].abs().max() > 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_state_dict_goes_on_bit_for_bit(dtype, generator):
    params = [nn.Parameter(torch.zeros(3, 2, dtype=dtype)), nn.Parameter(torch.zeros(4, dtype=dtype))]
    optimizer = StochasticReconfiguration(params, 0.1, 1e-3, 0.95)
    data = [(j.to(dtype), w.to(dtype)) for j, w in batches(7, 20, 10, generator)]
    data[1][0][0, 0] = math.nan
    for batch in data[:4]:
        optimizer.step(lambda batch=batch: centred_rows(*batch))
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    others = [nn.Parameter(p.detach().clone()) for p in params]
    again = StochasticReconfiguration(others, 0.7, 0.5, 0.1)
    file.seek(0)
    again.load_state_dict(torch.load(file, weights_only=True))
    assert again.fallbacks == optimizer.fallbacks == 1
    assert again.state[others[0]]["direction"].dtype == torch.float64
    for batch in data[4:]:
        optimizer.step(lambda batch=batch: centred_rows(*batch))
        again.step(lambda batch=batch: centred_rows(*batch))
    for one, other in zip(params, others, strict=True):
        assert torch.equal(one, other)
    assert again.report == optimizer.report


def test_closure_sees_gradients_enabled(generator):
    params = parameters(((2,),))
    optimizer = StochasticReconfiguration(params)

    def closure():
        assert torch.is_grad_enabled()
        return torch.randn(5, 2, generator=generator), torch.randn(5, generator=generator)

    with torch.no_grad():
        optimizer.step(closure)
    assert params[0].requires_grad and params[0].grad is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("lr", v) for v in (0, -1, math.nan, math.inf, "0.1", True, None)],
        *[("damping", v) for v in (0, -1e-3, math.nan)],
        *[("norm_limit", v) for v in (0, -1.0, math.inf)],
        *[("momentum", v) for v in (-0.1, 1, 1.5, math.nan, "0.9", True, None)],
        *[("space", v) for v in ("parameter", "sample", None)],
    ],
)
def test_bad_arguments_are_named(name, value):
    shown = "learning_rate" if name == "lr" else name
    with pytest.raises(InputError, match=f"^{shown} must be .*, got ") as refusal:
        StochasticReconfiguration(parameters(), **{name: value})
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(("rows", "columns"), [(2, 3), (4, 100), (100, 2)])
def test_blocks_of_the_kernel(rows, columns, generator):
    o = torch.randn(9, 14, generator=generator)
    found = kernel(o, rows, columns)
    assert found.dtype == torch.float64 and torch.equal(found, found.mT)
    torch.testing.assert_close(found, (o.double() @ o.double().mT), rtol=1e-5, atol=1e-5)


def test_gradients_in_float32_give_the_step_of_float64(generator):
    """The kernel's rounding, some 1e-6, is far below the damping."""
    jacobian = torch.randn(20, 50, generator=generator, dtype=torch.float64) + 3
    weights = torch.randn(20, generator=generator, dtype=torch.float64)
    previous = torch.randn(50, generator=generator, dtype=torch.float64)
    found = []
    for dtype in (torch.float64, torch.float32):
        optimizer = StochasticReconfiguration([torch.nn.Parameter(torch.zeros(50))], momentum=0.9)
        found.append(optimizer.direction(*centred_rows(jacobian.to(dtype), weights), previous))
        assert found[-1][0].dtype == torch.float64 and not found[-1][2]
    torch.testing.assert_close(found[1][0], found[0][0], rtol=1e-3, atol=1e-4)
