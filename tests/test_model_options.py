"""Every argument of every model, system and sampler has an effect that is seen here; one without an entry fails."""

import inspect
import warnings

import numpy as np
import pytest
import torch
from lightning import Trainer

from physgen.core.errors import InputError
from physgen.core.registry import rebuilding
from physgen.models import (
    AutoregressiveLattice,
    AutoregressiveMLP,
    BoltzmannMachine,
    ClusterAutoregressive,
    DeuteronNetwork,
    DiffusionModel,
    FamilyMember,
    FieldCouplingFlow,
    GaussianBinaryRBM,
    GroupAverage,
    InvertibleMLPFlow,
    JastrowCorrelator,
    MLPFlow,
    Model,
    NeuralBackflow,
    NuclearCorrelator,
    QuantumEnsemble,
    RBMSlater,
    SlaterJastrow,
    TiedFlow,
    TransformerCouplingFlow,
    TransformerFlow,
    TransformerWavefunction,
    VariationalAutoencoder,
)
from physgen.models.density import DensityModel
from physgen.models.fermions import FermionModel
from physgen.models.nuclear_wavefunction import NuclearWavefunction
from physgen.models.wavefunction import WavefunctionModel
from physgen.samplers import MALA, Checkerboard, Gibbs, Metropolis, ParallelTempering, Sampler, SpinFlip, Wolff
from physgen.systems import (
    BarsAndStripes,
    ClassicalDot,
    Deuteron,
    DoubleWellCluster,
    ElectronGas,
    FermiGas,
    Ising2D,
    LennardJonesCluster,
    LightNucleus,
    NeutronMatter,
    QuantumDot,
    QuantumDots,
    QuarticWell,
    ScalarPhi4,
    SpinGlass,
    System,
    TautDensity,
    ThermalQuantumDot,
)

#: the class that is built for options of a base
BUILT = {
    NuclearWavefunction: NuclearCorrelator,
    WavefunctionModel: GaussianBinaryRBM,
    FermionModel: SlaterJastrow,
    DensityModel: TiedFlow,
}
#: arguments that keep a model small
SMALL = {
    "GaussianBinaryRBM": {"hidden": 2},
    "MLPFlow": {"hidden": [6]},
    "InvertibleMLPFlow": {"hidden": [4], "layers": 1},
    "AutoregressiveLattice": {"width": 4, "system": Ising2D(3, beta=0.3)},
    "AutoregressiveMLP": {"hidden": 4, "depth": 1, "radial_cells": 6, "angular_cells": 6},
    "BoltzmannMachine": {"hidden": 4, "chains": 16, "data_size": 64, "system": Ising2D(3, beta=0.3)},
    "DiffusionModel": {"hidden": 4, "layers": 1, "steps": 1, "data_size": 24},
    "VariationalAutoencoder": {
        **{"latent": 2, "hidden": 4, "latents": 3, "data_size": 64},
        "system": Ising2D(3, beta=0.3),
    },
    "ClusterAutoregressive": {"knots": 8, "hidden": 4, "system": DoubleWellCluster(3)},
    "FieldCouplingFlow": {"layers": 1, "channels": 2, "reach": 1, "system": ScalarPhi4(4)},
    "TiedFlow": {"layers": 1},
    "TransformerFlow": {"blocks": 1, "heads": 2, "radii": 2, "hidden": 4},
    "TransformerCouplingFlow": {"sweeps": 1, "groups": 2, "heads": 2, "radii": 2, "hidden": 4, "bins": 6},
    "NeuralBackflow": {"width": 4, "pair_width": 3, "layers": 1, "determinants": 1},
    "FamilyMember": {"width": 4, "pair_width": 3, "layers": 1, "determinants": 1},
    "TransformerWavefunction": {"width": 4, "heads": 2, "layers": 1, "determinants": 1},
    "NuclearCorrelator": {"width": 4, "layers": 1},
    "JastrowCorrelator": {"knots": 5},
    "DeuteronNetwork": {"hidden": 3},
    "QuantumEnsemble": {
        **{"system": ThermalQuantumDot(3, beta=4.0, species="bosons"), "batch_size": 64},
        **{"quanta": 4, "flow_quanta": 2, "pair_terms": 3, "place_terms": 2, "flow_steps": 2},
    },
}
MC = {"walkers": 16, "steps": 2, "warm_up_steps": 4}
POOL = {"forward_fraction": 0.5, "data": MALA(**MC), "data_size": 24}
#: of every class that brings arguments: each of them with another value than its default, and what goes with it
OPTIONS = {
    WavefunctionModel: {
        "system": (QuantumDot(omega=0.5), {}),
        "sampler": (MALA(**MC), {}),
        "optimizer": ("adam", {}),
        "learning_rate": (0.3, {}),
        "decay": (2.0, {}),
        "damping": (0.5, {}),
        "momentum": (0.1, {}),
        "norm_limit": (1e-6, {}),
        "clip": (0.3, {}),
        "steps_per_epoch": (2, {}),
    },
    FermionModel: {
        "system": (QuantumDot(omega=0.5), {}),
        "sampler": (Metropolis(**MC), {}),
        "decay": (2.0, {}),
        "momentum": (0.1, {}),
        "spin_penalty": (5.0, {"system": QuantumDot(6)}),
    },
    GaussianBinaryRBM: {
        "system": (QuantumDot(omega=0.5), {}),
        "hidden": (3, {}),
        "form": ("sqrt", {}),
        "jastrow": (True, {}),
        "train_sigma": (False, {}),
        "symmetric": (False, {}),
    },
    RBMSlater: {
        "system": (QuantumDot(omega=0.5), {}),
        "hidden": (3, {}),
        "jastrow": ("simple", {}),
        "symmetric": (False, {}),
        "weight_scale": (0.5, {}),
    },
    SlaterJastrow: {"system": (QuantumDot(omega=0.5), {}), "jastrow": ("spline", {})},
    NeuralBackflow: {
        "system": (QuantumDot(omega=0.5), {}),
        "width": (5, {}),
        "pair_width": (4, {}),
        "layers": (2, {}),
        "determinants": (2, {}),
        "jastrow": ("spline", {}),
        "activation": ("silu", {}),
        "pairing": (True, {"system": ElectronGas(2)}),
    },
    FamilyMember: {"system": (QuantumDot(omega=0.5), {}), "omega": ((0.2, 2.0), {})},
    TransformerWavefunction: {
        "system": (QuantumDot(omega=0.5), {}),
        "width": (6, {}),
        "heads": (4, {}),
        "layers": (2, {}),
        "determinants": (2, {}),
        "jastrow": ("spline", {}),
        "activation": ("silu", {}),
        "normalise": (True, {}),
    },
    DensityModel: {
        "system": (ClassicalDot(2, beta=1.0), {}),
        "batch_size": (12, {}),
        "gradient": ("path", {}),
        "learning_rate": (0.05, {}),
        "clip_norm": (1e-2, {}),
        "anneal_from": (0.1, {}),
        "anneal_fraction": (1.0, {"anneal_from": 0.1}),
        "advantage_clip": (0.1, {"gradient": "score"}),
        "forward_fraction": (1.0, POOL),
        "data": (Metropolis(**MC), {**POOL, "data": MALA(**MC)}),
        "data_size": (40, POOL),
        "data_file": ("samples.npz", {"forward_fraction": 0.5}),
        "reverse_learning_rate": (0.1, POOL),
        "steps_per_epoch": (2, {}),
    },
    NuclearWavefunction: {
        "system": (LightNucleus("2H", cutoff=2.0), {}),
        "sampler": (MALA(**MC), {}),
        "optimizer": ("minsr", {}),
        "learning_rate": (0.3, {}),
        "decay": (2.0, {}),
        "damping": (0.5, {}),
        "momentum": (0.1, {}),
        "norm_limit": (1e-6, {}),
        "clip": (0.3, {}),
        "steps_per_epoch": (2, {}),
    },
    NuclearCorrelator: {"system": (LightNucleus("3H"), {}), "width": (5, {}), "layers": (2, {})},
    JastrowCorrelator: {
        "system": (LightNucleus("3H"), {}),
        "knots": (6, {}),
        "reach": (5.0, {}),
        "sampler": (MALA(**MC), {}),
        "learning_rate": (0.3, {}),
        "damping": (0.5, {}),
        "norm_limit": (1e-6, {}),
        "clip": (0.3, {}),
    },
    DeuteronNetwork: {
        "system": (Deuteron(points=32), {}),
        "hidden": (4, {}),
        "activation": ("tanh", {}),
        "envelope": (False, {}),
        "optimizer": ("rmsprop", {}),
        "learning_rate": (0.3, {"optimizer": "rmsprop"}),
        "damping": (0.1, {}),
        "steps_per_epoch": (2, {}),
    },
    MLPFlow: {
        "system": (ClassicalDot(2, beta=1.0), {}),
        "hidden": ([8], {}),
        "activation": ("softplus", {}),
        "start": ("cloud", {}),
        "starts": (2, {}),
    },
    InvertibleMLPFlow: {
        "system": (ClassicalDot(2, beta=1.0), {}),
        "hidden": ([5], {}),
        "layers": (2, {}),
        "activation": ("softplus", {}),
        "start": ("places", {}),
    },
    TiedFlow: {
        "system": (ClassicalDot(2, beta=1.0), {}),
        "symmetry": ("both", {}),
        "layers": (2, {}),
        "gradient": ("score", {}),
        "learning_rate": (0.05, {}),
    },
    TransformerFlow: {
        "system": (ClassicalDot(2, beta=1.0), {}),
        "blocks": (2, {}),
        "heads": (3, {}),
        "radii": (3, {}),
        "hidden": (5, {}),
        "base": ("gaussian", {}),
        "radial": ("ladder", {}),
        "ranks": (1, {}),
        "late_blocks": (1, {"blocks": 2}),
        "late_from": (0.0, {"blocks": 2, "late_blocks": 1}),
        "attention": (False, {"heads": 6}),
        "margin": (0.9999, {}),
        "fold_penalty": (1.0, {"margin": 0.9999}),
        "gradient": ("score", {}),
        "learning_rate": (0.05, {}),
        "anneal_from": (0.5, {}),
    },
    TransformerCouplingFlow: {
        "system": (ClassicalDot(2, beta=1.0), {}),
        "coupling": ("affine", {}),
        "sweeps": (2, {}),
        "groups": (3, {"system": ClassicalDot(4, beta=2.0)}),
        "heads": (3, {}),
        "radii": (3, {}),
        "hidden": (5, {}),
        "bins": (8, {}),
        "gradient": ("path", {}),
        "learning_rate": (0.05, {}),
        "anneal_from": (0.5, {}),
    },
    ClusterAutoregressive: {
        "system": (DoubleWellCluster(2), {}),
        "knots": (9, {}),
        "hidden": (5, {}),
        "learning_rate": (0.05, {}),
        "clip_norm": (1e-2, {}),
        "advantage_clip": (0.1, {}),
    },
    FieldCouplingFlow: {
        "system": (ScalarPhi4(3), {}),
        "layers": (2, {}),
        "channels": (3, {}),
        "reach": (2, {}),
        "gradient": ("score", {}),
        "learning_rate": (0.05, {}),
    },
    AutoregressiveLattice: {
        "system": (SpinGlass(3), {}),
        "context": ("all", {}),
        "width": (5, {}),
        "channels": (3, {"context": "masked", "width": 48}),
        "even": (False, {}),
        "batch_size": (12, {}),
        "learning_rate": (0.05, {}),
        "clip_norm": (1e-2, {}),
        "anneal_from": (0.5, {}),
        "anneal_fraction": (1.0, {}),
        "advantage_clip": (0.1, {}),
    },
    AutoregressiveMLP: {
        "system": (ClassicalDot(2, beta=1.0), {}),
        "order": ("labelled", {}),
        "hidden": (5, {}),
        "depth": (2, {}),
        "angular_depth": (2, {}),
        "radial_cells": (8, {}),
        "angular_cells": (8, {}),
        "radii_ahead": (4, {}),
        "angles_ahead": (4, {}),
        "softening": (1.0, {}),
        "gas_length": (2.0, {}),
        "mirror": (False, {}),
        "matrix_learning_rate": (0.3, {}),
        "learning_rate": (0.05, {}),
        "clip_norm": (1e-2, {}),
        "anneal_from": (0.5, {}),
        "advantage_clip": (0.1, {}),
    },
    BoltzmannMachine: {
        "system": (BarsAndStripes(3), {}),
        "hidden": (5, {}),
        "biases": (True, {}),
        "negative": ("pt", {}),
        "sweeps": (1, {}),
        "chains": (9, {}),
        "temperatures": (3, {"system": Ising2D(5, beta=0.3), "hidden": 21}),
        "optimizer": ("adam", {}),
        "batch_size": (12, {}),
        "learning_rate": (0.5, {}),
        "clip_norm": (1e-3, {}),
        "data": (SpinFlip(**MC), {}),
        "data_size": (32, {}),
        "data_file": ("spins.npz", {"data_size": 100_000}),
        "steps_per_epoch": (2, {}),
    },
    DiffusionModel: {
        "system": (ClassicalDot(2, beta=1.0), {}),
        "objective": ("score_matching", {}),
        "hidden": (5, {}),
        "layers": (2, {}),
        "steps": (2, {}),
        "rungs": (5, {"objective": "score_matching"}),
        "batch_size": (12, {}),
        "learning_rate": (0.5, {}),
        "clip_norm": (1e-3, {}),
        "anneal_from": (0.5, {"objective": "log_variance", "data_size": 100_000}),
        "anneal_fraction": (1.0, {"objective": "log_variance", "data_size": 100_000}),
        "data": (MALA(**MC), {}),
        "data_size": (32, {}),
        "data_file": ("samples.npz", {"data_size": 100_000}),
        "steps_per_epoch": (2, {}),
    },
    VariationalAutoencoder: {
        "system": (BarsAndStripes(3), {}),
        "latent": (3, {}),
        "hidden": (5, {}),
        "importance": (2, {}),
        "latents": (7, {}),
        "even": (False, {}),
        "batch_size": (12, {}),
        "learning_rate": (0.5, {}),
        "clip_norm": (1e-3, {}),
        "data": (SpinFlip(**MC), {}),
        "data_size": (32, {}),
        "data_file": ("spins.npz", {"data_size": 100_000}),
        "steps_per_epoch": (2, {}),
    },
    QuantumEnsemble: {
        "system": (ThermalQuantumDot(3, beta=5.0, species="bosons"), {}),
        "quanta": (5, {}),
        "flow_quanta": (3, {}),
        "pair_terms": (4, {}),
        "place_terms": (3, {}),
        "batch_size": (72, {}),
        "flow_steps": (1, {}),
        "learning_rate": (0.5, {}),
        "norm_limit": (1e-3, {}),
        "levels": (1, {}),
        "steps_per_epoch": (3, {}),
    },
    GroupAverage: {
        "system": (ClassicalDot(2, beta=1.0), {}),
        "group": ("C4", {}),
        "model": (TiedFlow(ClassicalDot(2, beta=2.0)), {}),
        "gradient": ("score", {}),
    },
}
#: arguments that no other value is allowed for
ONE_VALUE = {kind: {"gradient": "path"} for kind in (AutoregressiveLattice, AutoregressiveMLP, ClusterAutoregressive)}
CASES = [(kind, name) for kind, options in OPTIONS.items() for name in options]


def own_arguments(kind):
    """Names of the arguments that a class itself brings, besides those that it hands on."""
    if "__init__" not in kind.__dict__:
        return set()
    parameters = list(inspect.signature(kind.__init__).parameters.values())[1:]
    return {p.name for p in parameters if p.kind is not p.VAR_KEYWORD}


def built(kind, **arguments):
    kind = BUILT.get(kind, kind)
    torch.manual_seed(1)
    wave = issubclass(kind, WavefunctionModel)
    shared = {"sampler": (MALA if issubclass(kind, FermionModel) else Metropolis)(**MC)} if wave else {"batch_size": 8}
    system = QuantumDot() if wave else ClassicalDot(2, beta=2.0)
    if issubclass(kind, NuclearWavefunction):
        system = LightNucleus("2H")
    if kind is DeuteronNetwork:
        system, shared = Deuteron(), {}
    small = SMALL.get(kind.__name__, {})
    return kind(**{"system": system, **shared, **small, "steps_per_epoch": 4, **arguments})


def outcome(kind, **arguments):
    """What is seen of a short training: steps, weights, records, notes, and how a preimage is looked for."""
    model = built(kind, **arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = Trainer(
            max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
            enable_model_summary=False, log_every_n_steps=1,
        )  # fmt: skip
        run.fit(model)
    weights = {k: v.tolist() for k, v in model.state_dict().items()}
    looked = model.preimages(torch.zeros(1, 2, 2))[0].shape if hasattr(model, "preimages") else ()
    logarithm = []
    if isinstance(model, DensityModel):
        x = model.system.initial(2, torch.Generator().manual_seed(0), dtype=torch.float32)
        logarithm = model.log_prob(x).tolist()
    return run.global_step, weights, model.latest, model.notes, tuple(looked), logarithm


@pytest.fixture(scope="module")
def plain():
    """Outcomes without the option, each found once."""
    found = {}

    def of(kind, arguments):
        key = (BUILT.get(kind, kind), repr(sorted(arguments.items(), key=str)))
        if key not in found:
            found[key] = outcome(kind, **arguments)
        return found[key]

    return of


def test_every_argument_has_an_entry():
    kinds = [kind for kind in Model.registry.values() if kind.__module__.startswith("physgen.")]
    bases = {base for kind in kinds for base in kind.__mro__ if own_arguments(base) and issubclass(base, Model)}
    bases -= {Model}  # whose arguments all others have
    for kind in bases:
        known = set(OPTIONS[kind]) | set(ONE_VALUE.get(kind, {}))
        assert own_arguments(kind) == known, f"say in OPTIONS what {own_arguments(kind) ^ known} of {kind} do"


@pytest.mark.parametrize(("kind", "name"), CASES, ids=[f"{kind.__name__}-{name}" for kind, name in CASES])
def test_an_argument_of_a_model_has_an_effect(kind, name, plain, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("samples.npz", x=np.random.default_rng(0).normal(size=(32, 2, 2)))
    value, beside = OPTIONS[kind][name]
    beside = {} if name == "attention" else beside
    np.savez("spins.npz", x=np.random.default_rng(0).choice([-1.0, 1.0], (32, 3, 3)))
    drawn = POOL if kind is DensityModel else {}  # what a file takes the place of
    without = plain(kind, drawn if name == "data_file" else beside)
    changed = {**beside, name: value}
    if name == "attention":
        changed["heads"] = TransformerFlow.default("heads")  # the number of heads has no effect without
    assert outcome(kind, **changed) != without


def test_an_argument_of_one_value_refuses_others():
    for kind, values in ONE_VALUE.items():
        for name, value in values.items():
            with pytest.raises(InputError, match=name):
                built(kind, **{name: value})


# ---- what another argument leaves without an effect

DEAD = [
    (WavefunctionModel, {"optimizer": "adam"}, {"damping": 0.1, "momentum": 0.5, "norm_limit": 0.1}),
    (FermionModel, {"optimizer": "minsr"}, {"momentum": 0.5}),
    (DensityModel, {}, {"data_file": "nowhere.npz", "data_size": 5, "reverse_learning_rate": 0.1, "data": MALA(**MC)}),
    (DensityModel, {"forward_fraction": 0.5, "data_file": "samples.npz"}, {"data_size": 5, "data": MALA(**MC)}),
    (
        DensityModel,
        {"forward_fraction": 1.0, "data_size": 5},
        {"gradient": "path", "anneal_from": 0.5, "anneal_fraction": 0.2, "reverse_learning_rate": 0.1},
    ),
    (DensityModel, {}, {"anneal_fraction": 0.2, "advantage_clip": 3.0}),
    (TransformerFlow, {"heads": 6, "attention": False}, {"heads": 3}),
    (TransformerFlow, {"fold_penalty": 0.0}, {"margin": 0.2}),
    (TransformerFlow, {}, {"late_from": 0.2}),
    (TransformerFlow, {"forward_fraction": 1.0, "data_size": 5}, {"margin": 0.2, "fold_penalty": 3.0}),
    (AutoregressiveLattice, {"context": "masked", "width": 48}, {"width": 5}),
    (AutoregressiveLattice, {}, {"channels": 3}),
    (BoltzmannMachine, {"negative": "exact", "chains": 512}, {"sweeps": 2}),
    (BoltzmannMachine, {"negative": "cd", "chains": 512}, {"chains": 9}),
    (BoltzmannMachine, {}, {"temperatures": 9}),
    (DiffusionModel, {}, {"rungs": 5, "anneal_from": 0.5, "anneal_fraction": 0.2}),
    (
        DiffusionModel,
        {"objective": "log_variance", "data_size": 100_000},
        {"data": MALA(**MC), "data_file": "nowhere.npz"},
    ),
    (AutoregressiveMLP, {"angles_ahead": 0}, {"radii_ahead": 4}),
    (AutoregressiveMLP, {"radii_ahead": 0}, {"angles_ahead": 4}),
    (NuclearWavefunction, {"optimizer": "minsr"}, {"momentum": 0.5}),
    (DeuteronNetwork, {}, {"learning_rate": 0.1}),
    (DeuteronNetwork, {"optimizer": "rmsprop"}, {"damping": 0.1}),
]
DEAD = [(kind, beside, name, value) for kind, beside, dead in DEAD for name, value in dead.items()]


@pytest.mark.parametrize(("kind", "beside", "name", "value"), DEAD)
def test_an_argument_without_an_effect_is_refused(kind, beside, name, value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("samples.npz", x=np.random.default_rng(0).normal(size=(32, 2, 2)))
    built(kind, **beside)
    with pytest.raises(InputError, match=rf"^{name} has no effect|^data_file nowhere.npz") as caught:
        built(kind, **{**beside, name: value})
    assert "\n" not in str(caught.value)


def test_settings_of_a_fresh_model_inside_an_average_are_refused():
    system = ClassicalDot(2, beta=2.0)
    with pytest.raises(InputError, match="learning_rate of model has no effect inside GroupAverage"):
        GroupAverage(system, model=TiedFlow(system, learning_rate=0.1))


def test_a_recipe_of_a_file_keeps_what_has_no_effect(tmp_path):
    with rebuilding():
        held = built(WavefunctionModel, optimizer="adam", damping=0.5)
        system = ClassicalDot(2, beta=2.0)
        average = GroupAverage(system, model=TiedFlow(system, learning_rate=0.1))
    for model in (held, average):
        checkpoint = {"state_dict": model.state_dict(), "pytorch-lightning_version": "2.6.0"}
        model.on_save_checkpoint(checkpoint)
        torch.save(checkpoint, tmp_path / "model.ckpt")
        assert Model.load_from_checkpoint(tmp_path / "model.ckpt").spec() == model.spec()


# ---- systems and samplers

SYSTEMS = {
    QuantumDot: {"n": 3, "dim": 3, "omega": 0.5, "coupling": 2.0, "n_up": 2, "angular_momentum": 0},
    QuantumDots: {"n": 3, "dim": 3, "omega": (0.2, 2.0), "coupling": 2.0},
    ThermalQuantumDot: {"n": 3, "omega": 0.5, "beta": 1.0, "coupling": 2.0, "species": "bosons"},
    ClassicalDot: {"n": 3, "dim": 3, "beta": 2.0, "coupling": 2.0},
    QuarticWell: {"beta": 2.0},
    TautDensity: {"dim": 3, "degree": 2},
    BarsAndStripes: {"size": 4, "gap": 2.0},
    Ising2D: {"size": 3, "beta": 0.3, "boundary": "open"},
    SpinGlass: {"size": 3, "beta": 0.3, "boundary": "open", "law": "signs", "seed": 1},
    LightNucleus: {
        **{"nuclide": "2H", "hamiltonian": "model_o", "cutoff": 2.0, "r3": 1.5, "three_body": False},
        "coulomb": False,
    },
    ElectronGas: {"n": 2, "r_s": 2.0, "polarised": True},
    NeutronMatter: {"n": 2, "density": 0.08, "images": "cubic"},
    FermiGas: {"n": 2, "kf_re": 0.2, "inverse_akf": 0.5},
    Deuteron: {"points": 32, "largest": 20.0, "matrix": "force.npz"},
    DoubleWellCluster: {"n": 3},
    LennardJonesCluster: {"n": 3, "pair_factor": 1.0},
    ScalarPhi4: {"size": 5, "mass2": -3.0, "coupling": 8.0},
}
#: what goes with an argument of a system
BESIDE = {"r3": {"hamiltonian": "model_o"}, "coulomb": {"nuclide": "4He"}}
SAMPLERS = {
    Metropolis: {"walkers": 7, "steps": 3, "warm_up_steps": 9, "target_acceptance": 0.9},
    MALA: {"walkers": 7, "steps": 3, "warm_up_steps": 9, "target_acceptance": 0.9},
    Gibbs: {"walkers": 7, "steps": 3, "warm_up_steps": 9},
    ParallelTempering: {
        **{"walkers": 7, "steps": 3, "warm_up_steps": 9, "target_acceptance": 0.9},
        **{"replicas": 3, "hottest": 0.7, "leaps": 2},
    },
    **{kind: {} for kind in (SpinFlip, Checkerboard, Wolff)},  # they share their arguments
}


def seen_of_system(system):
    x = system.initial(4, torch.Generator().manual_seed(0), dtype=torch.float64)
    energy = {k: v.tolist() for k, v in system.terms(x).items()}
    spins = getattr(system, "n_up", None), getattr(system, "angular_momentum", None)
    return tuple(x.shape), energy, spins, getattr(system, "beta", None), [str(r) for r in system.references()]


def seen_of_sampler(sampler):
    model = GaussianBinaryRBM(QuantumDot(), hidden=2, form="sqrt", sampler=sampler)
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    for parameter in model.parameters():
        torch.nn.init.constant_(parameter, 0.1)
    model.start_sampler(sampler, generator)
    return sampler.sample(model.born).tolist(), sampler.width


@pytest.mark.parametrize("kind", [*SYSTEMS, *SAMPLERS])
def test_an_argument_of_a_system_or_sampler_has_an_effect(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    force = {"momenta": np.ones(1), "weights": np.ones(1), "orders": np.zeros(1), "potential": -100 * np.ones((1, 1))}
    np.savez("force.npz", **force)
    options, seen = (SYSTEMS, seen_of_system) if kind in SYSTEMS else (SAMPLERS, seen_of_sampler)
    small = {"walkers": 6, "steps": 2, "warm_up_steps": 4} if kind in SAMPLERS else {}
    assert own_arguments(kind) == set(options[kind])
    small |= {"n": 6, "n_up": 3} if kind is QuantumDot else {}
    for name, value in options[kind].items():
        small |= BESIDE.get(name, {}) if kind is LightNucleus else {}
        small |= {"n": 7, "n_up": 4} if name == "angular_momentum" else {}  # the last argument: an open shell
        changed = {**small, name: value}
        if kind is QuantumDot and name == "n":
            changed.pop("n_up")
        if name == "polarised":  # no number of electrons fills shells both of one spin and of two
            changed["n"] = 7
        assert seen(kind(**changed)) != seen(kind(**small)), name


def test_every_system_and_sampler_has_an_entry():
    for family, known in ((System, SYSTEMS), (Sampler, SAMPLERS)):
        assert {k for k in family.registry.values() if k.__module__.startswith("physgen.")} == set(known)
