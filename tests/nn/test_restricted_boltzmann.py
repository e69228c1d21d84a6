"""Restricted Boltzmann machines, against sums over all states, integrals and the exact machine of the Ising model."""

import math

import pytest
import torch

from physgen.core.enumeration import every_state
from physgen.core.errors import InputError
from physgen.nn.machines.boltzmann_units import LAYERS
from physgen.nn.machines.restricted_boltzmann import RestrictedBoltzmann
from physgen.samplers.annealed_importance import annealed_importance
from physgen.stats.bridge import bridge
from physgen.systems.kaufman import kaufman

pytestmark = pytest.mark.usefixtures("float64")


def made(kind, visible=3, hidden=4, seed=2, **arguments):
    torch.manual_seed(seed)
    first, second = LAYERS[kind]
    machine = RestrictedBoltzmann(first(), second(), visible, hidden, **arguments)
    with torch.no_grad():
        for parameter in machine.parameters():
            parameter.copy_(0.6 * torch.randn(parameter.shape))
    return machine


def fixture(kind):
    """A machine whose values were computed by enumeration elsewhere."""
    machine = made(kind, 6, 4)
    i, j = torch.arange(6.0), torch.arange(4.0)
    with torch.no_grad():
        machine.a.copy_(0.1 * (i - 2))
        machine.b.copy_(-0.2 + 0.1 * j)
        machine.weight.copy_(0.25 * torch.cos(i[:, None] + 2 * j))
    return machine


def test_published_values_of_a_small_machine():
    machine = fixture("binary")
    assert machine.log_z().item() == pytest.approx(7.016665639165, abs=1e-11)
    assert fixture("spin").log_z().item() == pytest.approx(7.453049528346, abs=1e-11)
    x = every_state(6)
    p = (machine.log_f(x) - machine.log_z()).exp()
    h = machine.hidden.mean(machine.hidden_field(x))
    assert (p @ (x[:, 0] * h[:, 0])).item() == pytest.approx(0.225874100101, abs=1e-11)
    assert (p @ x[:, 5]).item() == pytest.approx(0.575810167227, abs=1e-11)
    assert (p @ h[:, 3]).item() == pytest.approx(0.516025103721, abs=1e-11)
    ends = machine.log_f(torch.stack([torch.ones(6), torch.zeros(6)])) - machine.log_z()
    assert ends.tolist() == pytest.approx([-4.056469091098, -4.336586269076], abs=1e-11)


def energy(machine, x, h):
    """E(x, h) `(x, h)` as the text writes it."""
    s2 = 1.0 if machine.visible.values else machine.visible.log_sigma.exp().item() ** 2
    own = (x - machine.a).square().sum(1) / (2 * s2) if machine.visible.values is None else -x @ machine.a
    return own[:, None] - h @ machine.b - x @ machine.weight @ h.mT / s2


@pytest.mark.parametrize("kind", LAYERS)
def test_marginals_and_conditionals_are_those_of_the_energy(kind):
    machine = made(kind)
    x = every_state(3, machine.visible.values) if machine.visible.values else torch.randn(7, 3)
    h = every_state(4, machine.hidden.values)
    table = -energy(machine, x, h)
    assert torch.allclose(machine.log_f(x), table.logsumexp(1))
    given_x = table.softmax(1) @ h
    assert torch.allclose(machine.hidden.mean(machine.hidden_field(x)), given_x)
    if machine.visible.values:
        assert torch.allclose(machine.log_g(h), table.logsumexp(0))
        assert torch.allclose(machine.visible.mean(machine.visible_field(h)), table.softmax(0).mT @ x)
        assert machine.log_z().item() == pytest.approx(table.logsumexp((0, 1)).item())


def test_gaussian_machine_is_normalised_and_has_its_published_integral():
    machine = made("gaussian", 2, 2)
    with torch.no_grad():
        machine.a.copy_(torch.tensor([0.3, -0.2]))
        machine.b.copy_(torch.tensor([0.1, -0.4]))
        machine.weight.copy_(torch.tensor([[0.5, -0.3], [0.2, 0.7]]))
        machine.visible.log_sigma.fill_(0.5 * math.log(0.8))
    line = torch.linspace(-9, 9, 301)
    x = torch.cartesian_prod(line, line)
    integral = (machine.log_f(x).logsumexp(0) + 2 * math.log(18 / 300)).item()
    assert machine.log_z().item() == pytest.approx(3.0796610531, abs=1e-9) and integral == pytest.approx(
        3.0796610531, abs=1e-8
    )
    # the conditional of the visible units, by the mean of the law that Gibbs sampling must draw from
    p = (machine.log_f(x) - machine.log_z()).softmax(0)
    mean = sum(
        g * machine.visible.mean(machine.visible_field(h[None]))[0]
        for h, g in zip(every_state(2), (machine.log_g(every_state(2)) - machine.log_z()).exp(), strict=True)
    )
    assert torch.allclose(p @ x, mean)


@pytest.mark.parametrize("kind", ["binary", "spin"])
@pytest.mark.parametrize("sizes", [(3, 5), (5, 3)])
def test_z_is_a_sum_over_either_layer(kind, sizes):
    machine = made(kind, *sizes)
    over_visible = machine.log_f(every_state(sizes[0], machine.visible.values)).logsumexp(0)
    over_hidden = machine.log_g(every_state(sizes[1], machine.hidden.values)).logsumexp(0)
    assert torch.allclose(over_visible, over_hidden) and torch.allclose(machine.log_z(), over_hidden)


@pytest.mark.parametrize("kind", LAYERS)
def test_the_gradient_is_a_positive_and_a_negative_phase(kind):
    """d <ln p> = <d ln f>_data - <d ln f>_machine: both phases are means of gradients."""
    machine = made(kind)
    data = torch.randn(6, 3) if kind == "gaussian" else every_state(3, machine.visible.values)[:6]
    (machine.log_f(data).mean() - machine.log_z()).backward()
    positive = data.mT @ machine.hidden.mean(machine.hidden_field(data)) / 6 * machine.visible.precision
    h = every_state(4, machine.hidden.values)
    p = (machine.log_g(h) - machine.log_z()).exp()
    x = machine.visible.mean(machine.visible_field(h))
    negative = (p[:, None] * x).mT @ h * machine.visible.precision
    assert torch.allclose(machine.weight.grad, positive - negative)


@pytest.mark.parametrize("kind", LAYERS)
def test_gibbs_sweeps_keep_the_law(kind, generator, agrees):
    machine = made(kind)
    x = machine.draw_independent(20_000, generator)
    with torch.no_grad():
        x = machine.sweep(x, generator, 30)
    h = every_state(4, machine.hidden.values)
    p = (machine.log_g(h) - machine.log_z()).exp()
    means = machine.visible.mean(machine.visible_field(h))
    products = (p[:, None, None] * means[:, :, None] * means[:, None, :]).sum(0)[0, 1:]
    found = torch.cat([x, x[:, :1] * x[:, 1:]], 1)
    agrees(found, torch.cat([p @ means, products]).detach())


@pytest.mark.parametrize("kind", LAYERS)
def test_annealed_weights_give_ln_z_from_both_ends(kind, generator):
    machine = made(kind, 4, 3)
    steps = torch.linspace(0, 1, 41)
    start = machine.independent_log_z().item()

    def move(x, t):
        return machine.sweep(x, generator, 1, t)

    x, forward = annealed_importance(machine.log_f, move, machine.draw_independent(4000, generator), steps)
    x = machine.sweep(x, generator, 50)
    _, backward = annealed_importance(machine.log_f, move, x, steps.flip(0))
    exact, forward, backward = machine.log_z().item(), forward + start, start - backward
    assert forward.mean() < exact < backward.mean()  # bounds from below and above
    for log_weight, sign in ((forward, 1), (backward, -1)):
        weight = (sign * (log_weight - exact)).exp()
        assert abs(weight.mean() - 1) < 4 * weight.std() / 4000**0.5
    found = bridge(forward, backward)
    assert abs(found.log_z - exact) < 4 * found.error


def test_spins_without_biases_are_even():
    machine = made("spin", 5, 4)
    machine = RestrictedBoltzmann(machine.visible, machine.hidden, 5, 4, biases=False)
    x = every_state(5, (-1.0, 1.0))
    assert torch.equal(machine.log_f(x), machine.log_f(-x)) and not machine.a.requires_grad


@pytest.mark.parametrize("beta", [0.3, 0.44])
def test_one_hidden_spin_a_bond_is_the_ising_model(beta):
    """2 cosh(w (s + s')) = A exp(beta s s') with cosh 2w = exp(2 beta)."""
    rows = columns = 4
    w = 0.5 * math.acosh(math.exp(2 * beta))
    site = torch.arange(16).view(rows, columns)
    ends = torch.cat([torch.stack([site, site.roll(-1, axis)], -1).view(-1, 2) for axis in (0, 1)])
    machine = RestrictedBoltzmann(*(kind() for kind in LAYERS["spin"]), 16, 32, biases=False)
    with torch.no_grad():
        machine.weight.zero_()
        for j, pair in enumerate(ends):
            machine.weight[pair, j] += w
        x = every_state(16, (-1.0, 1.0))
        s = x.view(-1, rows, columns)
        log_p = (beta * (s * s.roll(1, 1) + s * s.roll(1, 2)).sum((1, 2))).log_softmax(0)
        divergence = (log_p.exp() * (log_p - machine.log_f(x) + machine.log_z())).sum().item()
    assert abs(divergence) < 1e-10
    constant = math.log(2 * math.cosh(2 * w)) - beta
    assert machine.log_z().item() == pytest.approx(kaufman(4, 4, beta).log_z + 32 * constant, abs=1e-10)


def test_too_many_units_are_refused_with_the_size_they_would_need():
    machine = RestrictedBoltzmann(*(kind() for kind in LAYERS["binary"]), 25, 22)
    with pytest.raises(InputError, match=r"smaller layer.*2\^22 = 4.19e\+06 states.*annealed importance"):
        machine.log_z()
