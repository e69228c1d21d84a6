"""What every registered model promises, each on the small systems that it can do."""

import inspect
import json
import math

import numpy as np
import pytest
import torch

from physgen.core.errors import InputError, TrainingError
from physgen.models import (
    DensityModel,
    FermionModel,
    FlowModel,
    GaussianBinaryRBM,
    InvertibleMLPFlow,
    MLPFlow,
    Model,
    NeuralBackflow,
    TiedFlow,
    TransformerCouplingFlow,
    TransformerFlow,
    TransformerWavefunction,
    WavefunctionModel,
)
from physgen.models.normalised import NormalisedModel
from physgen.runs.checkpoint_file import read_checkpoint
from physgen.runs.evaluation import Evaluation
from physgen.samplers import MALA, Gibbs, Metropolis
from physgen.spaces import PeriodicBox
from physgen.systems import ClassicalDot, ElectronGas, Ising2D, QuantumDot, QuarticWell

#: models of a space of their own, or other names of one that is here, with tests of their own
ELSEWHERE = {
    *("ClusterAutoregressive", "DeuteronNetwork", "FamilyMember", "FieldCouplingFlow", "JastrowCorrelator"),
    *("NuclearCorrelator", "QuantumEnsemble"),
}
OWN = [kind for kind in Model.registry.values() if kind.__module__.startswith("physgen.")]
KINDS = [kind for kind in OWN if kind.__name__ not in ELSEWHERE]
SYSTEMS = [
    QuantumDot(2),
    QuantumDot(2, dim=3),
    ClassicalDot(2, beta=2.0),
    QuarticWell(),
    Ising2D(4, beta=0.1),
    ElectronGas(2),
]
#: models that learn from samples, by a sampler that takes few moves
LEARNERS, FEW = ("BoltzmannMachine", "DiffusionModel", "VariationalAutoencoder"), MALA(64, 2, 20)
#: arguments that keep a model small here; others are built with their defaults
SMALL = {
    "GaussianBinaryRBM": {"hidden": 3},
    "MLPFlow": {"hidden": [8]},
    "InvertibleMLPFlow": {"hidden": [8], "layers": 2},
    "AutoregressiveLattice": {"width": 4, "anneal_from": 1.0},
    "AutoregressiveMLP": {"hidden": 8},
    "BoltzmannMachine": {"hidden": 4, "chains": 16, "data_size": 64},
    "DiffusionModel": {
        **{"hidden": 8, "layers": 1, "steps": 2, "data_size": 64},
    },
    "GroupAverage": {},
    "VariationalAutoencoder": {"latent": 2, "hidden": 8, "latents": 4, "data_size": 64},
    "TiedFlow": {"layers": 2},
    # random weights must not fold it; over a repelling base, tested with the model, normal q / p have no variance
    "TransformerFlow": {
        **{"blocks": 2, "heads": 2, "hidden": 4},
        **{"base": "gaussian", "radii": 4, "radial": "ladder", "ranks": 0},
    },
    "TransformerCouplingFlow": {"sweeps": 1, "heads": 2, "hidden": 4, "bins": 8},
    "NeuralBackflow": {"width": 6, "pair_width": 3, "determinants": 2},
    "TransformerWavefunction": {"width": 6, "heads": 2, "layers": 1, "determinants": 2},
}
MORE = {
    "GaussianBinaryRBM": [
        {"jastrow": True, "optimizer": "adam", "learning_rate": 1e-2},
        {"form": "sqrt", "symmetric": True, "sampler": Gibbs(walkers=64, warm_up_steps=20)},
        {
            "train_sigma": False,
            "jastrow": True,
            "symmetric": True,
            "sampler": MALA(walkers=64, warm_up_steps=20, steps=2),
        },
    ],
    "RBMSlater": [{"jastrow": "simple", "symmetric": False, "hidden": 3}],
    "AutoregressiveLattice": [{"context": "masked", "even": False}],
    "MLPFlow": [{"activation": "asinh", "gradient": "path"}, {"gradient": "score"}],
    "InvertibleMLPFlow": [{"gradient": "path"}, {"gradient": "score"}],
    "GroupAverage": [{"group": "C4", "gradient": "path"}, {"group": "Z2", "gradient": "score"}],
    "TiedFlow": [{"symmetry": "both", "gradient": "path"}, {"symmetry": "rotation", "gradient": "score"}],
    "TransformerFlow": [{"attention": False, "heads": 6, "gradient": "reparameterised"}, {"gradient": "score"}],
    "TransformerCouplingFlow": [
        {"coupling": "affine", "gradient": "reparameterised"},
        {"sweeps": 2, "gradient": "score"},
    ],
    "SlaterJastrow": [{"jastrow": "spline"}],
    "NeuralBackflow": [
        {"optimizer": "adam", "learning_rate": 1e-2, "sampler": MALA(walkers=64, warm_up_steps=20, steps=2)}
    ],
}


def build(kind, system, **arguments):
    torch.manual_seed(1)
    shared = (
        {"sampler": Metropolis(walkers=64, steps=2, warm_up_steps=40)}
        if issubclass(kind, WavefunctionModel)
        else {"batch_size": 64}
    )
    if kind.__name__ in LEARNERS and system.continuous:
        shared["data"] = FEW
    return kind(system, **{**shared, **SMALL.get(kind.__name__, {}), "steps_per_epoch": 4, **arguments})


def cases():
    for kind in KINDS:
        for index, arguments in enumerate([{}, *MORE.get(kind.__name__, [])]):
            for system in SYSTEMS if index == 0 else SYSTEMS[::2]:
                try:
                    build(kind, system, **arguments)
                except InputError:  # a system that it does not do
                    continue
                yield pytest.param((kind, system, arguments), id=f"{kind.__name__}-{system.label}-{index}")


CASES = list(cases())
FIRST = {case.values[0][0]: case for case in reversed(CASES)}
WAVEFUNCTIONS = [case for case in CASES if issubclass(case.values[0][0], WavefunctionModel)]
CONTINUOUS = [case for case in CASES if case.values[0][1].continuous]
DENSITIES = [case for case in CASES if issubclass(case.values[0][0], DensityModel)]


def moved(case, seed=2):
    """A model in float64 away from its start."""
    kind, system, arguments = case
    model = build(kind, system, **arguments).double()
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


def density_of(model, x):
    return model.log_psi(x)[1] if isinstance(model, WavefunctionModel) else model.log_prob(x)


def draws(model, num, seed=3):
    drawn = model.sample(num, torch.Generator().manual_seed(seed))
    return drawn if isinstance(model, WavefunctionModel) else drawn[0]


def test_every_model_has_a_case():
    assert set(FIRST) == set(KINDS) and len(KINDS) >= 3


@pytest.mark.parametrize("case", FIRST.values(), ids=lambda case: case.id)
def test_shapes_are_those_that_the_bases_name(case, shaped):
    model = moved(case)
    if isinstance(model, WavefunctionModel):
        x = draws(model, 5)
        shaped(WavefunctionModel, model, "log_psi", x)
        if model.system.continuous:
            shaped(WavefunctionModel, model, "local_energy", x)
    elif isinstance(model, NormalisedModel):
        x, _ = shaped(NormalisedModel, model, "sample", 5, torch.Generator().manual_seed(3))
        shaped(NormalisedModel, model, "log_prob", x)
        if model.reparameterised:
            z = shaped(NormalisedModel, model, "latent", 5, torch.Generator().manual_seed(3))
            shaped(NormalisedModel, model, "draw", z)


# ---- training, checkpoints, evaluation


@pytest.mark.parametrize("precision", ["64-true", "32-true"])
@pytest.mark.parametrize("case", CASES)
def test_fit_and_load(case, precision, trainer, tmp_path):
    kind, system, arguments = case
    model = build(kind, system, **arguments)
    before = {k: v.double().clone() for k, v in model.state_dict().items()}
    run = trainer(precision)
    run.fit(model)
    assert run.global_step == 4
    # by the names of a checkpoint, which may be older than those of the parts
    trained = {k for k, v in model.state_dict(keep_vars=True).items() if v.requires_grad}
    after = {k: v.double() for k, v in model.state_dict().items()}
    assert all(v.isfinite().all() for v in after.values())
    assert any(not torch.equal(before[k], after[k]) for k in trained)
    assert all(torch.equal(before[k], after[k]) for k in set(after) - trained)
    assert math.isfinite(model.latest[model.quantity])

    run.save_checkpoint(tmp_path / "model.ckpt")
    torch.load(tmp_path / "model.ckpt", weights_only=True)
    loaded = Model.load_from_checkpoint(tmp_path / "model.ckpt")
    assert type(loaded) is kind and loaded.system == system and loaded.spec() == model.spec()
    assert not loaded.training
    dtype = torch.float64 if precision == "64-true" else torch.float32
    assert {p.dtype for p in loaded.parameters()} == {dtype}
    x = draws(loaded, 16)
    assert torch.equal(density_of(loaded, x), density_of(model.eval(), x))
    # the checkpoint rebuilds the model alike in a class of its family
    assert type(kind.load_from_checkpoint(tmp_path / "model.ckpt")) is kind


@pytest.mark.parametrize("case", CASES)
def test_evaluation(case, trainer):
    model = moved(case).float()
    model.evaluation = Evaluation(samples=600, batch=100, thin=2, warm_up=20)
    trainer("32-true").test(model, verbose=False)
    result = model.result
    assert result.quantity == model.quantity and (result.headline.error > 0 or result.headline.note)
    assert all(math.isfinite(e.value) for e in result.estimates.values())
    # a value without an error bar says why
    assert all(math.isfinite(e.error) != bool(e.note) for e in result.estimates.values())
    terms = [
        *(["kinetic"] if isinstance(model, WavefunctionModel) else []),
        *model.system.terms(model.evaluated[0, :1]),
    ]
    total = sum(result.estimates[name].value for name in terms)
    assert result.estimates["energy"].value == pytest.approx(total, rel=1e-9)
    assert result.diagnostics["samples"] == 600
    assert model.evaluated.shape == (6, 100, *model.system.shape)
    assert model.evaluated.dtype == torch.float64
    assert next(model.parameters()).dtype == torch.float32
    assert result.provenance["model"] == type(model).__name__ and result.provenance["system"] == model.system.label
    json.dumps(result.provenance)


@pytest.mark.parametrize("case", FIRST.values())
def test_nan_energy_stops_the_training(case, trainer):
    kind, system, arguments = case
    model = build(kind, system, **arguments)
    calls = []

    def spoiled(function):
        def call(x):
            calls.append(len(x))
            found = function(x)
            if len(calls) < 3:
                return found
            return {k: v * math.nan for k, v in found.items()} if isinstance(found, dict) else found * math.nan

        return call

    if getattr(model, "forward_fraction", 0) == 1:
        pytest.skip("its training asks for no energy")
    if isinstance(model, WavefunctionModel):
        model.local_energy = spoiled(model.local_energy)
    else:
        model.system.energy = spoiled(model.system.energy)
    try:
        words = rf"{model.quantity} is not finite in \d+ % of the samples at step [23]; no checkpoint was written"
        with pytest.raises(TrainingError, match=words) as stop:
            trainer("32-true").fit(model)
    finally:
        vars(model.system).pop("energy", None)
    assert "\n" not in str(stop.value) and "learning_rate" in str(stop.value)
    assert all(p.isfinite().all() for p in model.parameters())


# ---- recipes


@pytest.mark.parametrize("case", CASES)
def test_spec_round_trip_of_plain_values(case):
    kind, system, arguments = case
    model = build(kind, system, **arguments)
    text = json.dumps(model.spec())
    again = Model.of(json.loads(text))
    assert type(again) is kind and again.system == system and json.dumps(again.spec()) == text
    assert [p.shape for p in again.parameters()] == [p.shape for p in model.parameters()]
    for name, value in {**arguments, "steps_per_epoch": 4}.items():
        assert model.init_args[name] == value


@pytest.mark.parametrize("case", FIRST.values())
def test_loading_under_a_wrong_class_is_refused(case, trainer, tmp_path):
    kind, system, arguments = case
    model = build(kind, system, **arguments)
    run = trainer("32-true", limit_train_batches=1)
    run.fit(model)
    path = tmp_path / "model.ckpt"
    run.save_checkpoint(path)
    for other in [k for k in KINDS if not issubclass(kind, k)]:
        with pytest.raises(InputError, match=f"holds a {kind.__name__}, not a {other.__name__}"):
            other.load_from_checkpoint(path)
    family = WavefunctionModel if issubclass(kind, WavefunctionModel) else DensityModel
    assert type(family.load_from_checkpoint(path)) is kind

    checkpoint = read_checkpoint(path)
    broken = tmp_path / "broken.ckpt"
    for change, message in [
        ({"state_dict": {}}, "does not fit"),
        ({"physgen": {**checkpoint["physgen"], "class_path": "os.system"}}, "must be one of"),
        ({"physgen": {**checkpoint["physgen"], "format": 99}}, "newer physgen"),
        ({"physgen": None}, "was not written by physgen"),
        ({"physgen": {**checkpoint["physgen"], "init_args": None}}, "lacks class_path or init_args"),
    ]:
        torch.save({**checkpoint, **change}, broken)
        with pytest.raises(InputError, match=message) as refusal:
            Model.load_from_checkpoint(broken)
        assert "\n" not in str(refusal.value)


def test_files_that_are_no_checkpoints(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        Model.load_from_checkpoint(tmp_path / "none.ckpt")
    path = tmp_path / "model.ckpt"
    path.write_bytes(b"not a zip file")
    with pytest.raises(InputError, match="damaged or no checkpoint"):
        Model.load_from_checkpoint(path)
    torch.save({"callable": print}, path)
    with pytest.raises(InputError, match="holds code or foreign objects"):
        Model.load_from_checkpoint(path)


@pytest.mark.parametrize("kind", KINDS)
def test_systems_of_the_other_kind_are_refused(kind):
    other = ClassicalDot(2) if issubclass(kind, WavefunctionModel) else QuantumDot(2)
    wanted = "quantum" if issubclass(kind, WavefunctionModel) else "classical"
    refusal = rf"^(system must be a {wanted} system for {kind.__name__}, got |space of system must be )"
    with pytest.raises(InputError, match=refusal):
        kind(other)


BAD = {
    Model: [("steps_per_epoch", v) for v in (0, -1, 2.5, True)]
    + [("learning_rate", v) for v in (-1, 0, math.nan, math.inf, "0.1")]
    + [("system", v) for v in ("QuantumDott", 3, None, {"class_path": 1})],
    WavefunctionModel: [
        ("optimizer", "sgd"),
        ("sampler", "Metropolitan"),
        ("decay", 0),
        ("damping", -1e-3),
        ("momentum", 1),
        ("momentum", -0.5),
        ("norm_limit", 0),
        ("clip", 0),
        ("clip", -5.0),
    ],
    DensityModel: [
        ("batch_size", 1),
        ("batch_size", 2.5),
        ("gradient", "patch"),
        ("clip_norm", 0),
        ("anneal_from", 0),
        ("anneal_from", 1.5),
        ("anneal_fraction", 0),
        ("anneal_fraction", 2),
    ],
    GaussianBinaryRBM: [
        *[("hidden", v) for v in (0, -1, 2.5, "4", True)],
        ("form", "marginalised"),
        *[(name, v) for name in ("jastrow", "train_sigma", "symmetric") for v in (1, "yes", None)],
        ("sampler", Gibbs()),
    ],
    **{
        kind: [
            ("activation", "relu"),
            ("start", "cluod"),
            *[("hidden", v) for v in ([0], [8, -1], [8.5], [True], 8, "88", *more)],
            *[("starts", 0)] * bool(more),
        ]
        for kind, more in ((MLPFlow, [[3], [8, 3]]), (InvertibleMLPFlow, []))
    },
    FermionModel: [("jastrow", "gutzwiller"), ("jastrow", None)],
    NeuralBackflow: [
        *[(name, v) for name in ("width", "pair_width", "layers", "determinants") for v in (0, 2.5)],
        ("activation", "relu"),
    ],
    TransformerWavefunction: [
        *[(name, v) for name in ("width", "layers", "determinants") for v in (0, 2.5)],
        *[("heads", v) for v in (0, 3, 2.0)],
        ("activation", "relu"),
        ("normalise", 1),
    ],
    TiedFlow: [("symmetry", "mirror"), ("layers", 0)],
    TransformerFlow: [
        *[(name, 0) for name in ("blocks", "heads", "radii", "hidden")],
        ("attention", "on"),
        ("base", "poisson"),
        ("radial", "rings"),
        *[("ranks", v) for v in (-1, 4)],
        *[("late_blocks", v) for v in (-1, 6)],
        *[("late_from", v) for v in (-0.1, 1.1)],
        *[("margin", v) for v in (-0.1, 1, "0.1")],
        *[("fold_penalty", v) for v in (-1, math.inf, True)],
        ("system", QuarticWell()),
    ],
    TransformerCouplingFlow: [
        *[(name, 0) for name in ("sweeps", "groups", "heads", "radii", "hidden", "bins")],
        ("coupling", "cubic"),
        *[("system", system) for system in (QuarticWell(), ClassicalDot(1), ClassicalDot(3, dim=3))],
    ],
}


@pytest.mark.parametrize("kind", KINDS)
def test_bad_arguments_are_refused_in_one_line(kind):
    system = FIRST[kind].values[0][1]
    known = inspect.signature(kind.__init__).parameters
    any_name = any(p.kind is p.VAR_KEYWORD for p in known.values())
    bad = [pair for base, pairs in BAD.items() if issubclass(kind, base) for pair in pairs]
    bad = [(name, value) for name, value in bad if any_name or name in known]
    assert len(bad) > 15
    for name, value in bad:
        arguments = {name: value} if name == "system" else {"system": system, name: value}
        with pytest.raises(InputError, match=rf"^(sampler |{name})\b") as refusal:
            kind(**arguments)
        assert "\n" not in str(refusal.value), refusal.value


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_arguments_are_refused_where_configs_are_read(kind):
    with pytest.raises(InputError, match="learning_rat"):
        Model.of({"class_path": kind.__name__, "init_args": {"system": FIRST[kind].values[0][1], "learning_rat": 1}})


# ---- draws


@pytest.mark.parametrize("case", CASES)
def test_draws(case):
    model = moved(case)
    x = draws(model, 24)
    assert x.shape == (24, *model.system.shape) and x.dtype == torch.float64 and x.isfinite().all()
    assert not x.requires_grad
    assert torch.equal(draws(model, 24), x)
    assert not torch.isclose(draws(model, 24, seed=4), x).all()
    assert len(x.unique(dim=0)) == 24
    before = torch.get_rng_state()
    draws(model, 4)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("case", FIRST.values())
def test_every_call_gives_fresh_draws_that_follow_the_global_seed(case, monkeypatch):
    model = moved(case)

    def drawn(num=3):
        found = model.sample(num)
        return found if isinstance(model, WavefunctionModel) else found[0]

    torch.manual_seed(11)
    calls = [drawn() for _ in range(4)]
    assert len(torch.cat(calls).unique(dim=0)) == 12
    torch.manual_seed(11)
    assert all(torch.equal(drawn(), call) for call in calls)
    torch.manual_seed(11)  # ranks that share the seed
    monkeypatch.setattr("physgen.models.draws.rank", lambda: 1)
    assert not torch.equal(drawn(), calls[0])


@pytest.mark.parametrize("case", FIRST.values())
def test_many_draws_come_in_parts(case, monkeypatch):
    monkeypatch.setattr("physgen.models.draws.LARGEST_PART", 4)
    monkeypatch.setattr("physgen.models.draws.SMALLEST_PART", 4)
    model = moved(case)
    for num in (3, 4, 9):
        drawn = model.sample(num, 1)
        rows = drawn if isinstance(model, WavefunctionModel) else drawn[0]
        assert len(rows) == len(rows.unique(dim=0)) == num
        if not isinstance(model, WavefunctionModel) and model.guarantee != "bound":
            torch.testing.assert_close(drawn[1], model.log_prob(rows).detach())
    monkeypatch.setattr("physgen.core.memory.available_bytes", lambda device: 1e9)
    for num in (10**9, 2**63):
        with pytest.raises(InputError, match="^num_samples must"):
            model.sample(num)


@pytest.mark.parametrize("case", WAVEFUNCTIONS)
def test_wavefunction_protocol(case, by_autograd):
    model = moved(case)
    x = model.system.initial(12, torch.Generator().manual_seed(5), dtype=torch.float64)
    sign, logabs = model.log_psi(x)
    assert sign.shape == logabs.shape == (12,) and set(sign.tolist()) <= {-1.0, 1.0}
    gradient, laplacian = model.derivatives(x)
    expected = by_autograd(lambda x: model.log_psi(x)[1], x)
    torch.testing.assert_close(gradient, expected[0], rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(laplacian, expected[1], rtol=1e-10, atol=1e-10)
    local = model.local_energy(x)
    assert list(local) == ["kinetic", *model.system.terms(x), "total"]
    kinetic = -0.5 * (laplacian + gradient.square().sum((1, 2)))
    torch.testing.assert_close(local["kinetic"], kinetic)
    # row by row alike, and under vmap
    torch.testing.assert_close(torch.cat([model.log_psi(one[None])[1] for one in x]), logabs)
    torch.testing.assert_close(torch.func.vmap(lambda one: model.log_psi(one[None])[1][0])(x), logabs)


@pytest.mark.parametrize("case", WAVEFUNCTIONS)
def test_columns_of_the_jacobian_are_the_gradients_of_the_parameters(case):
    model = moved(case)
    x = model.system.initial(5, torch.Generator().manual_seed(5), dtype=torch.float64)
    jacobian = model.jacobian(x)
    trained = [p for p in model.parameters() if p.requires_grad]
    for row, one in zip(jacobian, x, strict=True):
        slopes = torch.autograd.grad(model.log_psi(one[None])[1].sum(), trained)
        torch.testing.assert_close(row, torch.cat([s.flatten() for s in slopes]), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("case", DENSITIES)
def test_density_of_the_draws(case):
    model = moved(case)
    x, log_prob = model.sample(64, torch.Generator().manual_seed(5))
    assert log_prob.shape == (64,) and log_prob.dtype == torch.float64 and not log_prob.requires_grad
    if model.guarantee != "bound":  # whose draws carry the weight of their latents besides
        torch.testing.assert_close(model.log_prob(x).detach(), log_prob, rtol=1e-8, atol=1e-8)
    assert model.guarantee in ("exact", "checked", "bound")


@pytest.mark.parametrize("case", [case for case in DENSITIES if case.values[0][1].continuous])
def test_draws_follow_their_density(case):
    """<q/p> over draws of p is the integral of any q: 1 for a normalised one, whatever draws and ln p share."""
    model = moved(case)
    guess = model.sample(1000, 1)[0].flatten(1)
    near = torch.distributions.MultivariateNormal(guess.mean(0), 0.25 * guess.T.cov())
    x, log_prob = model.sample(3000, 2)
    ratio = torch.exp(near.log_prob(x.flatten(1)) - log_prob)
    error = ratio.std() / len(ratio) ** 0.5
    assert error < 0.1
    assert abs(ratio.mean() - 1) < 4 * error


@pytest.mark.parametrize("case", [case for case in DENSITIES if issubclass(case.values[0][0], FlowModel)])
def test_gradients_of_a_flow_are_those_of_its_density(case):
    """`draw_with_score` gives d ln p/dx, `draw_fixed` d ln p/d theta at fixed x, both without the inverse map."""
    model = moved(case)
    z = model.latent(8, torch.Generator().manual_seed(6))
    x, log_prob, score = model.draw_with_score(z)
    torch.testing.assert_close(x.detach(), model.sample(8, torch.Generator().manual_seed(6))[0])
    step = 1e-5
    for _ in range(3):
        direction = torch.randn(x.shape, generator=torch.Generator().manual_seed(7), dtype=x.dtype)
        ahead, behind = (model.log_prob(x.detach() + s * step * direction).detach() for s in (1, -1))
        slope = (ahead - behind) / (2 * step)
        torch.testing.assert_close((score * direction).sum((1, 2)), slope, rtol=1e-5, atol=1e-5)
    weight = torch.arange(1.0, 9.0, dtype=torch.float64)
    held, differentiable = model.draw_fixed(8, torch.Generator().manual_seed(6))
    assert not held.requires_grad
    torch.testing.assert_close(held, x.detach())
    torch.testing.assert_close(differentiable, log_prob)
    parameters = list(model.parameters())
    slopes = torch.autograd.grad((weight * differentiable).sum(), parameters, allow_unused=True, materialize_grads=True)
    direction = [torch.randn(p.shape, generator=torch.Generator().manual_seed(8), dtype=p.dtype) for p in parameters]
    found = sum((s * d).sum() for s, d in zip(slopes, direction, strict=True))
    values = []
    for sign in (1, -1):
        with torch.no_grad():
            for parameter, d in zip(parameters, direction, strict=True):
                parameter.add_(sign * step * d)
            values.append((weight * model.log_prob(held)).sum().item())
            for parameter, d in zip(parameters, direction, strict=True):
                parameter.sub_(sign * step * d)
    assert found.item() == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if issubclass(kind, FlowModel)])
def test_normalisation(kind, line, total):
    for system, reach, points in ((line, 12.0, 801), (QuarticWell(), 4.0, 81), (ClassicalDot(1, beta=2.0), 5.0, 81)):
        try:
            model = moved((kind, system, {"activation": "asinh"} if kind is MLPFlow else {}))
        except InputError:  # a system that it does not do
            continue
        wide = 4 if kind is TiedFlow else 1  # its tails are those of sinh-arcsinh
        mass = total(model.log_prob, system.dim, wide * reach, 2 * wide * points - 1 if wide > 1 else points)
        assert mass == pytest.approx(1, abs=1e-6)


# ---- use from Python


@pytest.mark.parametrize("case", FIRST.values())
def test_arrays_in_and_out(case):
    model = moved(case)
    drawn = model.sample(6, torch.Generator().manual_seed(3))
    arrays = model.sample(6, 3, numpy=True)
    x, given = (drawn, arrays) if isinstance(model, WavefunctionModel) else (drawn[0], arrays[0])
    assert isinstance(given, np.ndarray) and np.array_equal(given, x)
    wave = ("log_psi", "derivatives", "forward", "local_energy")
    for name in wave if isinstance(model, WavefunctionModel) else ("log_prob",):
        call = getattr(model, name)
        with torch.no_grad():  # an inverse map may take a step more where its gradient is wanted
            expected = call(x)
        found = call(given)
        if isinstance(expected, dict):
            assert list(found) == list(expected)
            expected, found = list(expected.values()), list(found.values())
        pairs = zip(expected, found, strict=True) if isinstance(expected, (tuple, list)) else [(expected, found)]
        for tensor, array in pairs:
            assert isinstance(array, np.ndarray) and array.dtype == np.float64
            assert np.array_equal(array, tensor.detach().numpy())
        assert call(given.astype(np.float32)) is not None  # of any precision
        for wrong in (given[0], given[:, :, :1], given[..., None], given.astype(complex), given.astype(str)):
            with pytest.raises(InputError, match="^x must be"):
                call(wrong)
    with torch.no_grad():
        found, expected = (
            density_of(model.float(), value) for value in (given, x.to(model.configurations_dtype or torch.float32))
        )
    assert isinstance(found, np.ndarray) and np.array_equal(found, expected.detach().numpy())
    for wrong in (0, -1, 2.5):
        with pytest.raises(InputError, match="^num_samples must be"):
            model.sample(wrong)
    with pytest.raises(InputError, match="^generator must be"):
        model.sample(3, -1)


def methods_of_configurations(model):
    names = ("log_psi", "derivatives", "forward", "local_energy")
    return [getattr(model, name) for name in (names if isinstance(model, WavefunctionModel) else ("log_prob",))]


def numbers_of(found):
    """What a method gave as one tensor."""
    values = found.values() if isinstance(found, dict) else found if isinstance(found, tuple) else [found]
    return torch.cat([torch.as_tensor(v).detach().flatten().double() for v in values]).nan_to_num(nan=-1e30)


@pytest.mark.parametrize("case", FIRST.values())
def test_tensors_are_checked_as_arrays_are(case):
    model = moved(case)
    x = draws(model, 4)
    wrong = {
        "shape": [x[0], x[..., :1], x[..., None], x.flatten(1), torch.cat([x, x], 1), torch.cat([x, x], 2)],
        "real": [x.to(torch.complex128), x > 0],
        "on the device": [x.to("meta")],
        "a tensor or an array": [x.tolist(), None, "x", 1.0],
        "dense": [x.to_sparse()],
    }
    if x.mT.shape != x.shape:
        wrong["shape"].append(x.mT)
    for call in methods_of_configurations(model):
        for said, values in wrong.items():
            for value in values:
                with pytest.raises(InputError, match=f"^x must be .*{said}") as refusal:
                    call(value)
                assert "\n" not in str(refusal.value)
        with torch.no_grad():
            expected = numbers_of(call(x))
            assert not numbers_of(call(x[:0])).numel()
            for taken in (x.float(), (100 * x).long(), x.half()):
                assert torch.equal(numbers_of(call(taken)), numbers_of(call(taken.double())))
            layouts = (x.numpy()[::-1], np.asfortranarray(x), x.numpy().astype(">f8"), x.numpy().astype(np.longdouble))
            for layout, order in zip(layouts, (slice(None, None, -1), *[slice(None)] * 3), strict=True):
                row = numbers_of(call(x.numpy()[order].copy()))
                assert torch.equal(numbers_of(call(layout)), row)
            assert torch.equal(numbers_of(call(x.numpy())), expected)
    leaf = x.float().requires_grad_(True)  # gradients follow the conversion
    density_of(model, leaf).sum().backward()
    assert leaf.grad.isfinite().all() and leaf.grad.any()


@pytest.mark.parametrize("case", CONTINUOUS)
def test_configurations_that_are_not_finite(case):
    """No index is out of bounds, no matrix singular, and nothing finite is said of them."""
    model = moved(case)
    x = draws(model, 3)
    # a periodic psi is finite however far out
    large = [] if isinstance(model.system.space, PeriodicBox) else [1e300]
    for value in (math.nan, math.inf, -math.inf, *large):
        spoiled = x.clone()
        spoiled[1, 0, 0] = value
        for call in methods_of_configurations(model):
            call(spoiled)
        for of_gradients in (torch.no_grad, torch.enable_grad):
            with of_gradients():
                found = density_of(model, spoiled)
            assert not found[1] > -1e30 and (not math.isnan(value) or found[1].isnan())
            torch.testing.assert_close(found[::2], density_of(model, x)[::2])


@pytest.mark.parametrize("case", DENSITIES)
def test_gradients_are_finite_at_special_configurations(case):
    model = moved(case)
    x = draws(model, 6)
    x[0, 0] = 0.0
    x[1] = 0.0
    x[2, 0, 1:] = 0.0  # on an axis
    x[3, -1] = -x[3, 0]  # equal radii
    x[4, -1] = x[4, 0]
    value = model.log_prob(x)
    used = value.isfinite()  # a perceptron may reach none of them
    value[used].sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())
    assert used.any()


@pytest.mark.parametrize("case", FIRST.values())
def test_numbers_of_numpy_and_torch_are_taken(case):
    model = moved(case)
    for number in (np.int64(3), np.array(3), torch.tensor(3), np.uint8(3)):
        assert len(draws(model, number)) == 3
    first = model.sample(3, 5, numpy=True)
    for seed in (np.int64(5), torch.tensor(5)):
        assert all(map(np.array_equal, first, model.sample(3, seed, numpy=True)))
    for wrong in (2**70, -1, 1.5, "3", model.system):
        with pytest.raises(InputError, match="^generator must be"):
            model.sample(2, wrong)
    settings = {"samples": np.int64(20), "batch": np.array(10), "warm_up": torch.tensor(2), "thin": np.uint8(1)}
    again = model.observe(samples=20, batch=10, warm_up=2, thin=1, seed=1)
    assert repr(model.observe(**settings, seed=np.int64(1))) == repr(again)  # an error may be NaN


@pytest.mark.parametrize("case", FIRST.values())
def test_observables_are_those_of_an_evaluation(case, trainer):
    model = moved(case).float()
    settings = {"samples": 400, "batch": 100, "thin": 2, "warm_up": 20, "seed": 5}
    before = [p.clone() for p in model.parameters()]
    found = model.observe(**settings)
    assert model.evaluation == Evaluation() and not model.training
    assert all(torch.equal(a, b) and a.dtype == b.dtype for a, b in zip(before, model.parameters(), strict=True))
    assert repr(model.result.estimates) == repr(found) and model.result.provenance["evaluation_seed"] == 5
    model.evaluation = Evaluation(**settings)
    trainer("32-true").test(model, verbose=False)
    assert repr(model.result.estimates) == repr(found)
    assert model.observe(samples=50, thin=1, warm_up=5)[model.quantity] != found[model.quantity]
    with pytest.raises(InputError, match=r"^evaluation\.samples"):
        model.observe(samples=0)
