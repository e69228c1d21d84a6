"""A precision is kept to or refused, and mixed precision never reaches what must be exact."""

import copy
import warnings

import pytest
import torch
from lightning.pytorch.plugins import MixedPrecision

from physgen.core.errors import InputError
from physgen.models import GaussianBinaryRBM, Model, TiedFlow, TransformerFlow, WavefunctionModel
from physgen.models.nuclear_wavefunction import NuclearWavefunction
from physgen.objectives.forward_kl import forward_kl
from physgen.objectives.reverse_kl import reverse_kl
from physgen.samplers import MALA
from physgen.systems import ClassicalDot, DoubleWellCluster, Ising2D, LightNucleus, QuantumDot, ScalarPhi4

#: arguments that keep a model small here; others are built with their defaults
SMALL = {
    "MLPFlow": {"hidden": [8]},
    "InvertibleMLPFlow": {"hidden": [8], "layers": 2},
    "AutoregressiveLattice": {"width": 4, "system": Ising2D(3, beta=0.3)},
    "AutoregressiveMLP": {"hidden": 8},
    "BoltzmannMachine": {"hidden": 4, "chains": 16, "data_size": 64, "system": Ising2D(3, beta=0.3)},
    "DiffusionModel": {"hidden": 4, "layers": 1, "steps": 2, "data_size": 24, "data": MALA(16, 2, 8)},
    "VariationalAutoencoder": {"hidden": 4, "latents": 4, "data_size": 24, "system": Ising2D(3, beta=0.3)},
    "ClusterAutoregressive": {"system": DoubleWellCluster(3)},
    "FieldCouplingFlow": {"system": ScalarPhi4(2)},
    "TransformerFlow": {"blocks": 2, "heads": 2, "hidden": 4},
    "TransformerCouplingFlow": {"sweeps": 1, "heads": 2, "hidden": 4, "bins": 8},
    "NeuralBackflow": {"width": 6, "pair_width": 3, "determinants": 2},
    "TransformerWavefunction": {"width": 6, "heads": 2, "layers": 1, "determinants": 2},
}
OWN = [kind for kind in Model.registry.values() if kind.__module__.startswith("physgen.")]
#: one draws nothing, one works in float64 whatever its weights are
ELSEWHERE = {"DeuteronNetwork", "QuantumEnsemble"}
KINDS = [kind for kind in OWN if kind.__name__ not in ELSEWHERE]
#: what Lightning knows, as it names it
REFUSED = ["bf16-mixed", "16-mixed", "bf16-true", "16-true", "bf16", 16]


def build(kind):
    """A small model away from its start, of two particles."""
    torch.manual_seed(1)
    wave = issubclass(kind, WavefunctionModel)
    system = QuantumDot(2) if wave else ClassicalDot(2, beta=2.0)
    system = LightNucleus("2H") if issubclass(kind, NuclearWavefunction) else system
    shared = {"sampler": MALA(walkers=32, warm_up_steps=8, steps=2)} if wave else {"batch_size": 16}
    model = kind(**{"system": system, **shared, **SMALL.get(kind.__name__, {})}, steps_per_epoch=2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def tensors(value):
    if isinstance(value, torch.Tensor):
        return [value]
    parts = value.values() if isinstance(value, dict) else value
    return [t for part in parts for t in tensors(part)]


def measured(model):
    """Everything that a user may call on a model, as tensors."""
    drawn = model.sample(16, torch.Generator().manual_seed(3))
    x = (drawn if isinstance(model, WavefunctionModel) else drawn[0]).to(next(model.parameters()))
    found = {"draws": x, "sample": model.sample(8, torch.Generator().manual_seed(4))}
    if isinstance(model, WavefunctionModel):
        found |= {"log_psi": model.log_psi(x), "derivatives": model.derivatives(x), "energy": model.local_energy(x)}
        found |= {"of the system": model.system.local_energy(model, x), "jacobian": model.jacobian(x)}
    else:
        found |= {"log_prob": model.log_prob(x)}
        reverse = reverse_kl(model, 8, model.system.beta, torch.Generator().manual_seed(5), model.gradient)
        found |= {"reverse": [reverse.loss, reverse.values]}
        if model.full_support:
            found |= {"forward": forward_kl(model, x)}
    observed = model.observe(samples=200, batch=100, warm_up=20, thin=2)
    found["observe"] = torch.tensor([[e.value, e.error] for e in observed.values()], dtype=torch.float64)
    return {name: tensors(value) for name, value in found.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_autocast_of_a_users_own_reaches_nothing(kind):
    model = build(kind)
    plain = measured(copy.deepcopy(model))
    with torch.autocast("cpu", torch.bfloat16):
        under = measured(model)
    for name, values in plain.items():
        for a, b in zip(values, under[name], strict=True):
            assert a.dtype == b.dtype and torch.equal(a.nan_to_num(), b.nan_to_num()), name


@pytest.mark.parametrize("kind", KINDS)
def test_mixed_and_half_precision_are_refused_before_the_first_step(kind, trainer):
    model = build(kind)
    before = copy.deepcopy(model.state_dict())
    for precision in REFUSED if kind is TiedFlow else REFUSED[:1]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            run = trainer(precision)
        for start in (run.fit, run.test):
            with pytest.raises(InputError, match="trainer.precision must be 32-true or 64-true, got") as caught:
                start(model)
            assert "\n" not in str(caught.value)
            assert ("true" in run.precision) or f"no effect on {kind.__name__}" in str(caught.value)
    after = model.state_dict()
    assert all(torch.equal(v, after[k]) and v.dtype == after[k].dtype for k, v in before.items())


def test_a_plugin_is_refused_as_the_precision_that_it_brings(trainer):
    run = trainer(None, plugins=[MixedPrecision("bf16-mixed", "cpu")])
    with pytest.raises(InputError, match="mixed precision has no effect on TiedFlow"):
        run.fit(TiedFlow(ClassicalDot(n=2, beta=2.0), layers=1, steps_per_epoch=1))


def test_the_trainers_precision_is_that_of_the_training(trainer, tmp_path, caplog):
    model = GaussianBinaryRBM(QuantumDot(), hidden=2, sampler=MALA(walkers=16, warm_up_steps=4), steps_per_epoch=2)
    dtypes = []
    jacobian = model.kept_jacobian
    model.kept_jacobian = lambda x: dtypes.append((x.dtype, model.net.machine.b.dtype)) or jacobian(x)
    run = trainer("64-true")
    run.fit(model)
    run.save_checkpoint(tmp_path / "wide.ckpt")
    assert dtypes == [(torch.float64, torch.float64)] * 2 and "float32" not in caplog.text
    dtypes.clear()
    trainer("32-true").fit(model)
    trainer("32-true", epochs=2).fit(model, ckpt_path=tmp_path / "wide.ckpt")
    assert dtypes == [(torch.float32, torch.float32)] * 4
    assert "the weights, float64, are trained in float32" in caplog.text


def test_mixed_precision_reaches_no_forward_training_of_an_inverse_map():
    torch.manual_seed(0)
    model = TransformerFlow(ClassicalDot(n=4, beta=2.0), blocks=2, heads=2, hidden=8)
    x = 0.7 * torch.randn(32, 4, 2)
    with torch.autocast("cpu", torch.bfloat16):
        loss = forward_kl(model, x).mean()
    assert bool(loss.isfinite()) and torch.equal(loss, forward_kl(model, x).mean())


def test_the_command_line_refuses_precisions_before_it_makes_a_folder(tiny, refused, tmp_path):
    for precision in ("bf16-mixed", "16-true", "transformer-engine"):
        more = f"--trainer.precision {precision}"
        assert "precision" in refused(tiny("GaussianBinaryRBM", tmp_path / "run", more), precision)
    assert not list(tmp_path.iterdir())
