"""The kernels of a training on another device: nothing stays behind on the CPU, nothing waits for a number.

No accelerator is asked for. Tensors of the `meta` device have shapes and no values: an operation that meets a tensor of
the CPU fails on them, and so does one that reads a number, which on an accelerator waits for all that was asked before.
"""

import pytest
import torch

from physgen.models import DensityModel, Model
from physgen.models.flow import FlowModel
from physgen.models.wavefunction import WavefunctionModel
from physgen.samplers import MALA, Metropolis
from physgen.systems import (
    ClassicalDot,
    DoubleWellCluster,
    ElectronGas,
    FermiGas,
    Ising2D,
    LightNucleus,
    NeutronMatter,
    QuantumDot,
    QuantumDots,
    ScalarPhi4,
)

NETWORK = {"width": 4, "pair_width": 3, "layers": 1}
#: wavefunctions, with what keeps them small and the systems that are tried
WAVEFUNCTIONS = {
    "GaussianBinaryRBM": ({"hidden": 2}, [QuantumDot()]),
    "RBMSlater": ({}, [QuantumDot(6)]),
    "SlaterJastrow": ({}, [QuantumDot(6), QuantumDot(4), ElectronGas(14, 1.0)]),
    "TransformerWavefunction": ({"width": 4, "heads": 2, "layers": 1}, [QuantumDot(6)]),
    "NeuralBackflow": (
        NETWORK,
        [QuantumDot(6), QuantumDots(2), ElectronGas(14, 1.0), NeutronMatter(14, 0.04), FermiGas(14, 0.4)],
    ),
    "FamilyMember": (NETWORK, [QuantumDot(2, omega=0.5)]),
    "NuclearCorrelator": ({"width": 4, "layers": 1}, [LightNucleus("3H")]),
    "JastrowCorrelator": ({"knots": 5}, [LightNucleus("3H")]),
}
#: densities likewise
DENSITIES = {
    "MLPFlow": ({"hidden": [6]}, ClassicalDot(3)),
    "InvertibleMLPFlow": ({"hidden": [4], "layers": 1}, ClassicalDot(3)),
    "TiedFlow": ({"layers": 1}, ClassicalDot(3)),
    "TransformerFlow": ({"blocks": 1, "heads": 2, "radii": 2, "hidden": 4}, ClassicalDot(3)),
    "TransformerCouplingFlow": (
        {"sweeps": 1, "groups": 2, "heads": 2, "radii": 2, "hidden": 4, "bins": 6},
        ClassicalDot(3),
    ),
    "FieldCouplingFlow": ({"layers": 1, "channels": 2, "reach": 1}, ScalarPhi4(4)),
    "AutoregressiveLattice": ({"width": 4}, Ising2D(3, beta=0.3)),
    "ClusterAutoregressive": ({"knots": 8, "hidden": 4}, DoubleWellCluster(3)),
    "BoltzmannMachine": ({"hidden": 4, "chains": 16, "data_size": 64}, Ising2D(3, beta=0.3)),
}
#: maps that are inverted by iteration until a number says that it has converged
ITERATED = ("MLPFlow", "TransformerFlow")
#: maps of which a number of every draw is looked at: the margin of the guarantee, beyond which draws are mended
LOOKED_AT = ("TransformerFlow",)
CASES = [(name, system) for name, (_, systems) in WAVEFUNCTIONS.items() for system in systems]


def elsewhere(kind, system, arguments, walkers=8):
    """A model and configurations of its system on the device without values."""
    model = Model.lookup(kind)(system, **arguments).to("meta")
    x = system.initial(walkers, torch.Generator().manual_seed(0), dtype=next(model.parameters()).dtype)
    return model, x.to("meta")


def assert_elsewhere(found, batch=8):
    for tensor in found.values() if isinstance(found, dict) else found:
        assert tensor.is_meta and tensor.shape[0] == batch


@pytest.mark.parametrize(("kind", "system"), CASES, ids=lambda v: getattr(v, "label", v))
def test_wavefunctions(kind, system):
    model, x = elsewhere(kind, system, WAVEFUNCTIONS[kind][0])
    assert_elsewhere(model.log_psi(x))
    assert_elsewhere(model.derivatives(x))
    assert_elsewhere(model.local_energy(x))
    rows = model.jacobian(x)
    assert_elsewhere([rows] if isinstance(rows, torch.Tensor) else list(rows))


@pytest.mark.parametrize("method", [Metropolis, MALA])
@pytest.mark.parametrize("system", [QuantumDot(6), ElectronGas(14, 1.0)], ids=lambda v: v.label)
def test_moves_of_walkers(system, method):
    model, x = elsewhere("SlaterJastrow", system, {"sampler": method(walkers=8)})
    sampler = model.sampler
    sampler.x, sampler.generator, sampler.width, sampler.space = x, torch.Generator(), 0.1, system.space
    sampler.kinds = model.exchanged_kinds
    state = sampler.evaluate(model.born, x)
    for _ in range(2):
        state, acceptance = sampler.move(model.born, state)
        state, taken = sampler.exchange(model.born, state)
    assert acceptance.is_meta and taken.is_meta
    assert_elsewhere({"x": sampler.rested(state["x"])})


@pytest.mark.parametrize("kind", DENSITIES)
def test_densities(kind):
    arguments, system = DENSITIES[kind]
    model, x = elsewhere(kind, system, arguments)
    if kind in ITERATED:
        with pytest.raises((RuntimeError, NotImplementedError), match=r"item\(\)|nonzero"):
            model.log_prob(x)
    else:
        log_prob = model.log_prob(x)
        assert_elsewhere([log_prob])
        log_prob.sum().backward()
        assert all(p.grad is None or p.grad.is_meta for p in model.parameters())
    if isinstance(model, FlowModel):
        z = torch.empty(8, model.size if hasattr(model, "size") else system.space.size, device="meta")
        if kind in LOOKED_AT:
            with pytest.raises(NotImplementedError, match="nonzero"):
                model.draw(z)
            return
        drawn = model.draw(z)
        assert_elsewhere(drawn)
        (model.system.energy(drawn[0]).sum() + drawn[1].sum()).backward()


def test_every_wavefunction_is_tried():
    own = {
        n: k for n, k in Model.registry.items() if k.__module__.startswith("physgen.") and "abstract" not in k.__dict__
    }
    missing = {n for n, k in own.items() if issubclass(k, WavefunctionModel)} - set(WAVEFUNCTIONS)
    assert not missing, f"say in WAVEFUNCTIONS how {missing} are kept small"
    assert set(DENSITIES) <= {n for n, k in own.items() if issubclass(k, DensityModel)}


def test_what_stays_behind_is_found():
    """The tests above can fail: a table on the CPU, and a number that is read."""
    x = torch.empty(3, device="meta")
    with pytest.raises(RuntimeError, match="device"):
        _ = x * torch.ones(3)
    with pytest.raises(RuntimeError, match="item"):
        bool(x.isfinite().all())
