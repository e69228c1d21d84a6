"""Antisymmetry, cusps, nodes, shells and exact eigenstates of the wavefunctions of electrons."""

import logging
import math

import pytest
import torch

from physgen.core.errors import InputError, TrainingError
from physgen.models import FamilyMember, FermionModel, Model, NeuralBackflow, SlaterJastrow, TransformerWavefunction
from physgen.models.wavefunction import WavefunctionModel
from physgen.optim import StochasticReconfiguration
from physgen.samplers import MALA, Metropolis
from physgen.spaces import Free
from physgen.systems import QuantumDot

WAVEFUNCTIONS = [
    kind
    for kind in Model.registry.values()
    if issubclass(kind, WavefunctionModel)
    and kind is not FamilyMember
    and kind.__module__.startswith("physgen.")
    and issubclass(Free, kind.spaces)
]
FERMIONS = [kind for kind in WAVEFUNCTIONS if issubclass(kind, FermionModel)]
SMALL = {
    "NeuralBackflow": {"width": 8, "pair_width": 4, "determinants": 3},
    "TransformerWavefunction": {"width": 8, "heads": 2, "determinants": 3},
    "SlaterJastrow": {"jastrow": "spline"},
}
DOTS = [
    QuantumDot(6), QuantumDot(8, dim=3, omega=0.3), QuantumDot(4, n_up=3), QuantumDot(3, n_up=3), QuantumDot(12),
    QuantumDot(3), QuantumDot(4), QuantumDot(7, angular_momentum=0), QuantumDot(3, dim=3, omega=0.5),
]  # fmt: skip


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(6)


def moved(kind, system, **arguments):
    """A model away from its start."""
    model = kind(system, **{**SMALL.get(kind.__name__, {}), **arguments})
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


@pytest.mark.parametrize(
    ("kind", "dot"),
    [
        pytest.param(kind, dot, id=f"{kind.__name__}-{dot.label}")
        for kind in WAVEFUNCTIONS
        for dot in DOTS
        # an angular momentum is one of orbitals
        if kind in FERMIONS or dot.angular_momentum is None
    ],
)
def test_antisymmetry_is_as_declared(kind, dot, generator):
    """psi changes sign when two electrons of one spin change places, and keeps its size; others may do anything."""
    model = moved(kind, dot)
    x = dot.initial(20, generator)
    sign, log = model.log_psi(x)
    for i, j in [(0, 1), (0, dot.n_up - 1)] + ([(dot.n_up, dot.n - 1)] if dot.n - dot.n_up > 1 else []):
        y = x.clone()
        y[:, [i, j]] = x[:, [j, i]]
        swapped_sign, swapped = model.log_psi(y)
        odd = bool((swapped_sign == -sign).all()) and torch.allclose(swapped, log, rtol=0, atol=1e-9)
        assert odd == model.antisymmetric


@pytest.mark.parametrize("kind", FERMIONS)
@pytest.mark.parametrize("dot", [QuantumDot(2, omega=0.1), QuantumDot(2, dim=3)], ids=lambda dot: dot.label)
def test_two_electrons_are_a_singlet(kind, dot, generator):
    model = moved(kind, dot)
    x = dot.initial(20, generator)
    torch.testing.assert_close(model.exchanged(x, 0, 1), torch.ones(20), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("dot", [dot for dot in DOTS if dot.n < 12], ids=lambda dot: dot.label)
def test_shells_without_repulsion_are_the_exact_state(dot, generator):
    dot = QuantumDot(dot.n, dot.dim, dot.omega, 0.0, dot.n_up, dot.angular_momentum)
    model = SlaterJastrow(dot)
    energy = model.local_energy(dot.initial(30, generator))["total"]
    torch.testing.assert_close(energy, torch.full((30,), dot.shell_energy()), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", [NeuralBackflow, TransformerWavefunction])
def test_networks_start_near_the_shells(kind, generator):
    """Without repulsion the untrained energy is within a quarter of the exact one: no pre-training is needed."""
    dot = QuantumDot(6, coupling=0.0)
    model = kind(dot, sampler=MALA(walkers=8, steps=2, warm_up_steps=60))
    energy = model.local_energy(model.sample(200, generator))["total"]
    assert abs(energy.mean().item() / 10 - 1) < 0.25


@pytest.mark.parametrize("kind", FERMIONS)
@pytest.mark.parametrize(("n", "dim", "n_up"), [(2, 2, 1), (2, 3, 1), (6, 2, 3), (8, 3, 4)])
def test_local_energy_stays_finite_at_contact(kind, n, dim, n_up, generator):
    """Like and unlike spins: what is left as r -> 0 changes by O(r), where 1/r would grow to 1e5."""
    dot = QuantumDot(n, dim, omega=0.5, n_up=n_up)
    model = moved(kind, dot)
    for i, j in [(0, n_up)] + ([(0, 1)] if n_up > 1 else []):
        x = dot.initial(1, generator).repeat(3, 1, 1)
        x[:, j] = x[:, i]
        x[:, j, 0] += torch.tensor([4e-4, 2e-4, 1e-4])
        energy = model.local_energy(x)["total"]
        assert (energy - energy[2]).abs().max() < 0.1 + 0.01 * energy[2].abs()


@pytest.mark.parametrize("kind", FERMIONS)
@pytest.mark.parametrize("method", [Metropolis, MALA])
def test_moves_onto_a_node_are_rejected(kind, method, generator):
    dot, sampler = QuantumDot(6), method(walkers=8)
    model = moved(kind, dot)
    node = dot.initial(8, generator)
    elsewhere = model.log_psi(node)[1].min()
    node[:, 1] = node[:, 0]
    assert not (model.log_psi(node)[1] > elsewhere - 15).any()  # -inf but for rounding
    model.start_sampler(sampler, generator, warm_up=20)
    before = sampler.x.clone()
    evaluate = sampler.evaluate
    sampler.evaluate = lambda density, x: evaluate(density, x if torch.equal(x, before) else node)
    with torch.no_grad():
        after = sampler.sample(model.born, 3)
    assert torch.equal(after, before) and sampler.acceptance == 0


@pytest.mark.parametrize("kind", FERMIONS)
@pytest.mark.parametrize(
    ("dot", "words"),
    [
        (QuantumDot(6, dim=3), "system.n_up must leave closed shells in 3D, 0 or 1, 4, 10"),
        (QuantumDot(12, dim=3, n_up=7), "got n_up = 7 of n = 12"),
    ],
    ids=lambda v: v.label if isinstance(v, QuantumDot) else "",
)
def test_shells_that_must_not_stay_open_are_refused(kind, dot, words):
    with pytest.raises(InputError) as refusal:
        kind(dot)
    assert words in str(refusal.value) and "\n" not in str(refusal.value)


class _Silent(torch.nn.Module):
    """A network without derivatives of its own."""

    def __init__(self, net):
        super().__init__()
        self.inner = net

    def forward(self, x):
        return self.inner(x)


def test_networks_without_derivatives_take_autograd_and_the_log_says_so(trainer, caplog, generator):
    dot = QuantumDot(2, omega=0.5)
    model = NeuralBackflow(dot, width=4, pair_width=2, sampler=MALA(walkers=8, warm_up_steps=5), steps_per_epoch=2)
    x = dot.initial(5, generator)
    own = model.derivatives(x)
    model.net = _Silent(model.net)
    with caplog.at_level(logging.WARNING, logger="physgen"):
        trainer().fit(model)
    assert sum("_Silent gives no derivatives of its own" in r.getMessage() for r in caplog.records) == 1
    fresh = NeuralBackflow(dot, width=4, pair_width=2)
    assert fresh.rule.own and not model.rule.own
    assert all(part.isfinite().all() for part in own)


def test_a_network_whose_derivatives_disagree_is_not_trained(trainer):
    model = SlaterJastrow(QuantumDot(6), sampler=MALA(walkers=8), steps_per_epoch=2)
    right = model.net.derivatives
    model.net.derivatives = lambda x: (right(x)[0], 1.01 * right(x)[1])
    with pytest.raises(TrainingError, match="derivatives of ShellProduct disagree with autograd: the Laplacian"):
        trainer().fit(model)


@pytest.mark.parametrize(
    ("name", "space", "momentum"), [("sr", "auto", 0.95), ("minsr", "samples", 0.0), ("spring", "samples", 0.95)]
)
def test_one_switch_of_optimisers(name, space, momentum):
    model = SlaterJastrow(QuantumDot(2), optimizer=name)
    optimizer = model.configure_optimizers()["optimizer"]
    assert isinstance(optimizer, StochasticReconfiguration)
    assert optimizer.space == space and optimizer.param_groups[0]["momentum"] == momentum
    adam = SlaterJastrow(QuantumDot(2), optimizer="adam", learning_rate=5e-3).configure_optimizers()["optimizer"]
    assert isinstance(adam, torch.optim.Adam) and adam.param_groups[0]["lr"] == 5e-3


@pytest.mark.parametrize("kind", FERMIONS)
def test_one_set_of_weights_serves_every_frequency(kind, generator):
    models = []
    for omega in (1.0, 0.09):
        torch.manual_seed(6)
        models.append(moved(kind, QuantumDot(6, omega=omega, coupling=0)))
    x = torch.randn(9, 6, 2, generator=generator)
    torch.testing.assert_close(models[1].log_psi(x / 0.3)[1], models[0].log_psi(x)[1])
    torch.testing.assert_close(models[1].local_energy(x / 0.3)["total"], 0.09 * models[0].local_energy(x)["total"])


@pytest.mark.slow
def test_training_reaches_the_exact_energy_of_two_electrons(trainer):
    torch.manual_seed(1)
    model = NeuralBackflow(
        QuantumDot(2),
        width=8,
        pair_width=4,
        determinants=1,
        sampler=MALA(walkers=128, warm_up_steps=60),
        steps_per_epoch=60,
    )
    model.evaluation.samples, model.evaluation.batch = 10_000, 500
    model.evaluation.thin, model.evaluation.warm_up = 5, 50
    trainer("32-true").fit(model)
    trainer().test(model, verbose=False)
    energy = model.result.headline
    assert energy.error < 1e-3 and abs(energy.value - 3) < 3 * energy.error + 3e-3
    assert math.isfinite(model.result.diagnostics["variance"]) and model.result.diagnostics["variance"] < 1e-2
