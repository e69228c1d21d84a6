"""A user's system on the line: every model works there, without a cusp, or is refused when it is made."""

import math

import pytest
import torch

from physgen.core.errors import InputError
from physgen.models import BoltzmannMachine, DiffusionModel, Model, VariationalAutoencoder, WavefunctionModel
from physgen.nn.determinants.pade_jastrow import PadeJastrow
from physgen.nn.determinants.spline_jastrow import SplineJastrow
from physgen.samplers import MALA
from physgen.systems import ClassicalSystem, QuantumSystem

KINDS = [kind for kind in Model.registry.values() if kind.__module__.startswith("physgen.")]


def soft_coulomb(x):
    first, second = torch.triu_indices(x.shape[-2], x.shape[-2], 1)
    return ((x[..., first, 0] - x[..., second, 0]).square() + 1).rsqrt().sum(-1)


class _QuantumLine(QuantumSystem):
    n, dim, n_up, coupling = 2, 1, 1, 1.0

    def __init__(self):
        pass

    def terms(self, x):
        return {"trap": 0.5 * x.square().sum((-1, -2)), "repulsion": soft_coulomb(x)}


class _ThermalLine(ClassicalSystem):
    n, dim, beta, coupling = 2, 1, 1.0, 1.0
    symmetries = ("permutation", "rotation", "reflection")

    def __init__(self):
        pass

    def terms(self, x):
        return {"trap": x.square().sum((-1, -2)), "repulsion": soft_coulomb(x)}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("jastrow", [None, "pade", "spline", True])
def test_every_model_works_on_the_line_or_refuses_it(kind, jastrow, trainer):
    system = _QuantumLine() if issubclass(kind, WavefunctionModel) else _ThermalLine()
    arguments = {"steps_per_epoch": 2, **({} if jastrow is None else {"jastrow": jastrow})}
    if issubclass(kind, WavefunctionModel):
        arguments["sampler"] = {"class_path": "Metropolis", "init_args": {"walkers": 32, "warm_up_steps": 20}}
    elif issubclass(kind, (BoltzmannMachine, DiffusionModel, VariationalAutoencoder)):
        arguments |= {"data": MALA(32, 2, 20), "data_size": 200}
        arguments |= {"hidden": 8, "layers": 1, "steps": 2} if kind is DiffusionModel else {}
    torch.manual_seed(1)
    try:
        model = kind(system, **arguments)
    except (InputError, TypeError) as refusal:  # a dimension that it does not do, or an argument that it has not
        known = any(name in str(refusal) for name in ("system", "hidden"))  # of continuous units few have an exact ln Z
        assert "\n" not in str(refusal) and (jastrow is not None or known)
        return
    trainer("64-true").fit(model)
    assert all(p.isfinite().all() for p in model.parameters()) and math.isfinite(model.latest[model.quantity])
    found = model.observe(samples=100, batch=50, warm_up=20)[model.quantity]
    assert math.isfinite(found.value) and found.error > 0


@pytest.mark.parametrize("factor", [PadeJastrow, SplineJastrow])
def test_a_jastrow_factor_has_no_cusp_on_the_line(factor, by_autograd):
    jastrow = factor(3, 1, 2, 1.0).double()
    x = torch.randn(5, 3, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    assert (jastrow(x) == 0).all()
    if factor is SplineJastrow:
        torch.nn.init.normal_(jastrow.coefficients, generator=torch.Generator().manual_seed(3))
    for found, expected in zip(jastrow.derivatives(x), by_autograd(jastrow, x), strict=True):
        torch.testing.assert_close(found.detach(), expected)
    close = torch.tensor([[[0.0], [1e-9], [3.0]]], dtype=torch.float64)
    assert jastrow.derivatives(close)[1].isfinite().all()
