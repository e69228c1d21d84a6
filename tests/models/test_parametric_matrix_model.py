"""Parametric matrix models, as a Lightning user trains them, on spectra that are known."""

import json
import math
from pathlib import Path

import pytest
import torch

from physgen.cli.grid import remember
from physgen.core.errors import InputError
from physgen.data import Pairs
from physgen.models import ParametricMatrixModel
from physgen.runs.result import Result
from physgen.systems import two_electrons

#: energies of two electrons in a two-dimensional dot
OMEGA = (0.01, 0.1, 0.28, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)
ENERGY = (0.07383504, 0.44079189, 1.02164401, 1.65977215, 3, 5.49652320, 7.88375284, 12.50356105, 23.65166337)


def test_energies_of_the_dot_follow_far_outside_of_the_training():
    """Four energies and the limit of a tight trap, 2 omega + sqrt(pi omega/2), where the repulsion hardly counts."""
    x, y = [*OMEGA[1:5], 1e8], [*ENERGY[1:5], 2e8 + math.sqrt(math.pi / 2) * 1e4]
    model = ParametricMatrixModel(powers=[1.0, 0.5], size=2, imaginary=False, relative=True).fit(Pairs(x, y))
    found = model.predict([10.0, 0.01]).value[:, 0]
    assert abs(found[0] / ENERGY[-1] - 1) < 2e-3 and abs(found[1] / ENERGY[0] - 1) < 3e-2


def test_a_sweep_predicts_energies_between_and_beyond_its_points(tmp_path):
    """As docs/lattices-and-data.md has it, with entries of the zoo for the runs of a sweep."""
    root = Path(__file__).resolve().parents[2] / "checkpoints"
    files = {w: root / f"quantum-dot-2d-n2-omega{w:g}" / "rbm-jastrow" / "result.json" for w in (1.0, 0.5, 0.28, 0.1)}
    results = {f"omega={w:g}": Result.read(file).estimates for w, file in files.items()}
    remember(tmp_path, [], {run: {k: [e.value, e.known_error] for k, e in r.items()} for run, r in results.items()})
    found = json.loads((tmp_path / "sweep.json").read_text())["estimates"]
    pairs = Pairs([float(run.split("=")[1]) for run in found], [each["energy"][0] for each in found.values()])
    model = ParametricMatrixModel(size=2, powers=[1.0, 0.5], imaginary=False, relative=True, restarts=8)
    between, beyond = model.fit(pairs).predict([0.7, 2.0]).value[:, 0].tolist()
    assert between == pytest.approx(two_electrons(0.7).energy, rel=1e-3)
    assert beyond == pytest.approx(two_electrons(2.0).energy, rel=1e-2)


def test_spins_in_a_field_are_exact():
    x = torch.linspace(0.1, 1.0, 7, dtype=torch.float64)
    model = ParametricMatrixModel(size=2, imaginary=False).fit(Pairs(x, -0.5 * (1 + x**2).sqrt()))
    value, spread = model.predict([3.0, 0.0])
    assert value[:, 0].tolist() == pytest.approx([-0.5 * math.sqrt(10), -0.5], abs=1e-9)
    assert (spread < 1e-8).all()


def test_time_steps_are_extrapolated_to_none():
    """A spin in two fields that take turns: cos(E t) of the product is known, and E(0) = 1/2 |B|."""
    steps = torch.linspace(0.3, 1.2, 8, dtype=torch.float64)
    product = (steps / 2 * 0.8).cos() * (steps / 2 * 0.6).cos()
    model = ParametricMatrixModel("unitary", size=2, factors=2).fit(Pairs(steps, -product.acos() / steps))
    assert model.predict([0.0]).value.item() == pytest.approx(-0.5, abs=1e-6)


def test_validation_pairs_choose_what_is_kept_and_checkpoints_predict_the_same(tmp_path):
    from lightning import Trainer

    torch.manual_seed(1)
    x = torch.rand(60, 2, dtype=torch.float64)
    data = Pairs(x, (3 * x[:, 0]).sin() * x[:, 1], validation=0.2)
    model = ParametricMatrixModel("transitions", inputs=2, size=4, vectors=2, restarts=3)
    quiet = dict.fromkeys(("logger", "enable_progress_bar", "enable_model_summary"), False)
    trainer = Trainer(max_epochs=25, accelerator="cpu", default_root_dir=tmp_path, **quiet)
    trainer.fit(model, datamodule=data)
    held = (model(data.x[data.held]) - data.y[data.held]) / model.scale
    assert torch.allclose(held.square().mean((1, 2)), model.error)
    assert trainer.test(model, datamodule=data, verbose=False)[0]["test/error"] < 0.02
    again = ParametricMatrixModel.load_from_checkpoint(trainer.checkpoint_callback.best_model_path)
    assert torch.equal(again.predict(x).value, model.predict(x).value)


def test_the_global_random_state_is_untouched():
    before = torch.get_rng_state()
    ParametricMatrixModel()
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"form": "eigenvalue"}, "form must be one of"),
        ({"size": 0}, "size must be"),
        ({"levels": [5], "size": 5}, "levels must be an integer from 0 to 4, got 5"),
        ({"powers": []}, "powers must be"),
        ({"observables": -1}, "observables must be"),
        ({"form": "transitions", "vectors": 9}, "vectors must be"),
        ({"form": "unitary", "observables": 1}, "observables has no effect with form unitary, got 1"),
        ({"outputs": 2}, "outputs has no effect with form eigenvalues, got 2"),
        ({"restarts": 0}, "restarts must be"),
        ({"slope": 0.0}, "slope must be a finite number > 0, got 0.0"),
        ({"powers": [1.0], "slope": 2.0}, "slope must be 1 where no feature is constant, got 2.0"),
    ],
)
def test_bad_arguments_are_named(arguments, words):
    with pytest.raises(InputError, match=words):
        ParametricMatrixModel(**arguments)


@pytest.mark.parametrize("form", ["eigenvalues", "transitions"])
def test_a_slope_multiplies_the_matrices_of_x_alone(form):
    steep, usual = (ParametricMatrixModel(form, inputs=2, slope=slope).net.hamiltonian for slope in (3.0, 1.0))
    assert torch.equal(steep[:, 0], usual[:, 0]) and torch.equal(steep[:, 1:], 3 * usual[:, 1:])


def test_pairs_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="x must be positive where powers"):
        ParametricMatrixModel(powers=[0.5]).fit(Pairs([0.0, 1.0], [1.0, 2.0]))
    with pytest.raises(InputError, match=r"y must be of the shape \(N, 1\)"):
        ParametricMatrixModel().fit(Pairs([0.0, 1.0], [[1.0, 2.0], [3.0, 4.0]]))
    with pytest.raises(InputError, match=r"x must be of the shape \(N, 2\)"):
        ParametricMatrixModel(inputs=2).fit(Pairs([0.0, 1.0], [1.0, 2.0]))
    with pytest.raises(InputError, match="y must be not zero where errors are relative"):
        ParametricMatrixModel(relative=True).fit(Pairs([0.0, 1.0], [0.0, 2.0]))
    with pytest.raises(InputError, match=r"x must be of the shape \(N, 1\)"):
        ParametricMatrixModel().predict([[1.0, 2.0]])
