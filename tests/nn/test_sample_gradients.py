"""Gradients of samples by one backward pass of a batch equal those of one sample by itself, for every wavefunction."""

import logging

import pytest
import torch
from torch import nn

from physgen.models import Model, WavefunctionModel
from physgen.models.log_derivatives import log_value
from physgen.models.nuclear_wavefunction import NuclearWavefunction
from physgen.nn.sample_gradients import SampleGradients, by_vmap
from physgen.objectives.component_energy import component_values
from physgen.systems import ElectronGas, FermiGas, LightNucleus, NeutronMatter, QuantumDot, QuantumDots

CASES = [
    ("GaussianBinaryRBM", QuantumDot(3), {"hidden": 3, "jastrow": True}),
    ("GaussianBinaryRBM", QuantumDot(2), {"symmetric": False, "train_sigma": False}),
    ("RBMSlater", QuantumDot(6), {"jastrow": "simple"}),
    ("SlaterJastrow", QuantumDot(6), {"jastrow": "spline"}),
    ("SlaterJastrow", ElectronGas(14), {}),
    ("NeuralBackflow", QuantumDot(6), {"jastrow": "spline"}),
    ("NeuralBackflow", QuantumDot(4, n_up=1), {"layers": 1}),
    ("NeuralBackflow", QuantumDot(8, dim=3), {"activation": "silu", "determinants": 1}),
    ("NeuralBackflow", ElectronGas(14), {"determinants": 2}),
    ("NeuralBackflow", ElectronGas(7, polarised=True), {}),
    ("NeuralBackflow", NeutronMatter(14), {}),
    ("NeuralBackflow", FermiGas(14), {}),
    ("NeuralBackflow", QuantumDots(6), {}),
    ("FamilyMember", QuantumDot(6, omega=0.5), {"layers": 1}),
    ("TransformerWavefunction", QuantumDot(6), {"normalise": True}),
    ("NuclearCorrelator", LightNucleus("2H"), {}),
    ("NuclearCorrelator", LightNucleus("4He"), {}),
    ("JastrowCorrelator", LightNucleus("3H"), {}),
]
NAMES = [f"{name}-{system.label}-{'-'.join(map(str, options.values()))}" for name, system, options in CASES]


def made(name, system, options):
    torch.manual_seed(3)
    model = Model.lookup(name)(system, **options).double()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.1 * torch.randn_like(p))  # off the zeros that some start from
    return model, system.initial(5, torch.Generator().manual_seed(1), torch.float64)


def close(found, expected):
    assert found.shape == expected.shape and bool(expected.isfinite().all())
    assert float((found - expected).abs().max()) <= 1e-10 * float(expected.abs().max())


@pytest.mark.parametrize(("name", "system", "options"), CASES, ids=NAMES)
def test_every_wavefunction(name, system, options):
    model, x = made(name, system, options)
    close(model.jacobian(x), by_vmap(model.net, log_value, x / model.length)[:, 0])
    assert model.gradients.direct
    if isinstance(model, NuclearWavefunction):
        close(model.kept_component_jacobian(x), by_vmap(model.net, component_values, x))
        assert model._slopes.direct


def test_no_wavefunction_is_left_out():
    known = {
        name
        for name, kind in Model.registry.items()
        if issubclass(kind, WavefunctionModel) and kind.__module__.startswith("physgen.")
    }
    assert known == {name for name, _, _ in CASES}


@pytest.mark.parametrize("name", ["NeuralBackflow"])
def test_large_parameters_are_not_copied_for_every_sample(name):
    for system in (QuantumDot(6), ElectronGas(14), NeutronMatter(14)):
        model, x = made(name, system, {})
        model.jacobian(x)
        copied = sum(model.net.get_parameter(k).numel() for k in model.gradients.own)
        assert copied < 0.02 * sum(p.numel() for p in model.parameters())


def test_chunks_and_kept_memory_change_nothing():
    model, x = made("NeuralBackflow", QuantumDot(6), {})
    x = torch.cat([x, x + 0.1, x - 0.2])
    whole = model.jacobian(x)
    kept = model.kept_jacobian(x)
    close(kept, whole)
    at = kept.data_ptr()
    model.gradients._sizes = dict.fromkeys(model.gradients._sizes, 4)  # samples at once
    again = model.kept_jacobian(x.flip(0))
    close(again, whole.flip(0))
    assert again.data_ptr() == at and model.jacobian(x).data_ptr() not in (at, whole.data_ptr())


class Network(nn.Module):
    """Layers of all kinds: with and without bias, twice, in parts, with other uses, never used."""

    def __init__(self):
        super().__init__()
        self.first, self.twice = nn.Linear(6, 4), nn.Linear(4, 4)
        self.parts = nn.Parameter(torch.randn(2, 4, 4))
        self.shifted = nn.Parameter(torch.randn(4, 4))
        self.scale, self.unused = nn.Parameter(torch.ones(4)), nn.Parameter(torch.ones(3))
        self.frozen = nn.Parameter(torch.randn(4, 4), requires_grad=False)

    def forward(self, x):
        h = torch.tanh(self.first(x.flatten(-2)))
        h = torch.tanh(self.twice(torch.tanh(self.twice(h))))
        h = h + nn.functional.linear(h, self.parts[1], self.scale)  # half of the first axis, and a bias with other uses
        h = nn.functional.linear(h, self.shifted + 1) + nn.functional.linear(h, self.shifted, self.shifted[0])
        value = (nn.functional.linear(torch.tanh(h), self.frozen) * self.scale.exp()).sum(-1)
        return value.sign(), value


class Nested(Network):
    """A network with a derivative inside."""

    def forward(self, x):
        sign, value = super().forward(x)
        slope = torch.func.grad(lambda at: super(Nested, self).forward(at)[1].sum())(x)
        return sign, value + slope.square().sum((-1, -2))


@pytest.mark.parametrize("kind", [Network, Nested])
def test_networks_of_others(kind):
    torch.manual_seed(0)
    net = kind().double()
    x = torch.randn(5, 3, 2, dtype=torch.float64)
    gradients = SampleGradients(net, log_value)
    close(gradients(x), by_vmap(net, log_value, x))
    assert gradients.direct
    if kind is Network:
        assert not gradients.own & {"first.weight", "first.bias", "twice.weight", "parts"}
        assert gradients.own == {"shifted", "scale"}
    with torch.inference_mode():
        close(gradients(x), by_vmap(net, log_value, x))
    net.first.bias.requires_grad_(False)
    close(gradients(x), by_vmap(net, log_value, x))


class Tampered(Network):
    """A network that gives other values for a whole batch than for one sample."""

    def forward(self, x):
        if torch.is_grad_enabled() and not torch._C._functorch.is_gradtrackingtensor(self.first.weight):
            return super().forward(x * 1.1)
        return super().forward(x)


class Refusing(Network):
    """A network that fails where its weights are not those of a transform."""

    def forward(self, x):
        if not torch._C._functorch.is_functorch_wrapped_tensor(self.first.weight):
            raise RuntimeError("no")
        return super().forward(x)


@pytest.mark.parametrize(("kind", "word"), [(Tampered, "disagrees"), (Refusing, "fails (RuntimeError)")])
def test_what_does_not_work_is_said_and_done_sample_by_sample(kind, word, caplog):
    torch.manual_seed(0)
    net = kind().double()
    x = torch.randn(5, 3, 2, dtype=torch.float64)
    gradients = SampleGradients(net, log_value)
    with caplog.at_level(logging.WARNING, "physgen"):
        found = gradients(x)
    assert torch.equal(found, by_vmap(net, log_value, x)) and not gradients.direct
    assert word in caplog.text and "vmap" in caplog.text
