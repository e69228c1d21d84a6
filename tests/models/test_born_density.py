"""The density of walkers in parts: the same values and gradients, in bounded memory, with and without a trainer."""

import pytest
import torch

from physgen.models import NeuralBackflow, NuclearCorrelator
from physgen.nn.derivatives import LARGEST_BYTES
from physgen.systems import ElectronGas, LightNucleus, QuantumDot

MODELS = [(NeuralBackflow, QuantumDot(6)), (NeuralBackflow, ElectronGas(14)), (NuclearCorrelator, LightNucleus("3H"))]


@pytest.fixture(params=MODELS, ids=[system.label for _, system in MODELS])
def case(request):
    kind, system = request.param
    torch.manual_seed(2)
    model = kind(system).double()
    return model, system.initial(33, torch.Generator().manual_seed(5), torch.float64)


@pytest.mark.parametrize("bound", [LARGEST_BYTES["cpu"], 1], ids=["whole", "one by one"])
def test_parts_give_what_the_whole_gives(case, bound, monkeypatch):
    monkeypatch.setitem(LARGEST_BYTES, "cpu", bound)
    model, x = case
    leaf = x.clone().requires_grad_(True)
    expected = 2 * model.log_psi(leaf)[1]
    (slope,) = torch.autograd.grad(expected.sum(), leaf)
    with torch.inference_mode():
        value, gradient = model.born.with_gradient(x)
        alone = model.born(x)
    assert set(model.born._sizes.values()) <= {1} if bound == 1 else min(model.born._sizes.values()) > 33
    for found in (value, alone, model.born(x)):
        torch.testing.assert_close(found.detach(), expected.detach(), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(gradient, slope, rtol=1e-10, atol=1e-10)
    assert not value.requires_grad and not gradient.requires_grad


def test_one_who_differentiates_gets_the_graph(case):
    model, x = case
    leaf = x.requires_grad_(True)
    (gradient,) = torch.autograd.grad(model.born(leaf).sum(), leaf)
    torch.testing.assert_close(gradient, model.born.with_gradient(x)[1], rtol=1e-10, atol=1e-10)
