"""What the package offers in Python: one line that trains, entries with their numbers, starts at another frequency."""

import math

import pytest
import torch
from lightning.pytorch.callbacks import Callback

import physgen
from physgen.cli import main
from physgen.core.errors import InputError
from physgen.models import GaussianBinaryRBM, Model
from physgen.runs.evaluation import Evaluation
from physgen.runs.result import Result
from physgen.samplers import Metropolis
from physgen.systems import QuantumDot
from physgen.zoo.entry_facts import EntryFacts

NAME = "quantum-dot-2d-n2-omega1/rbm-jastrow"
SMALL = {"evaluation": Evaluation(samples=200, batch=50, warm_up=20), "trainer": {"enable_progress_bar": False}}


def test_tab_completion_shows_the_public_names():
    assert set(dir(physgen)) == {"__version__", "fit", "list_pretrained", "load_pretrained", "models", "samplers",
                                 "systems"}  # fmt: skip
    assert all(hasattr(physgen, name) for name in dir(physgen))


def test_entries_say_what_they_are_without_their_weights():
    found = physgen.list_pretrained("quantum-dot-2d-n2-omega1/*", details=True)
    assert [one.name for one in found] == physgen.list_pretrained("quantum-dot-2d-n2-omega1/*")
    one = next(one for one in found if one.name == NAME)
    model = physgen.load_pretrained(NAME)
    assert isinstance(one, EntryFacts) and one.system == model.system.label and one.model == type(model).__name__
    assert one.parameters == sum(p.numel() for p in model.parameters()) and one.size > 1000
    result = model.result
    assert (one.value, one.error) == (result.headline.value, result.headline.error)
    assert one.gap == pytest.approx(100 * (one.value - 3) / 3) and one.gap_unit == "%" and one.method == "exact"
    density = physgen.list_pretrained("quartic-well-beta1/*", details=True)[0]
    assert density.gap_unit == "nats" and density.gap >= 0


def test_an_entry_knows_its_result():
    model = physgen.load_pretrained(NAME)
    assert isinstance(model.result, Result) and model.result.reference.value == pytest.approx(3, abs=1e-9)
    assert model.result.provenance["parameters"] == sum(p.numel() for p in model.parameters())
    found = model.observe(samples=200, batch=50, warm_up=10)
    assert model.result.estimates is found  # that of the last evaluation


def test_an_entry_starts_a_training_at_another_frequency():
    entry = physgen.load_pretrained(NAME)
    for system in (QuantumDot(omega=0.5), {"omega": 0.5}):
        model = physgen.load_pretrained(NAME, system=system)
        assert model.system.omega == 0.5 and model.system.n == 2 and model.result is None
        assert all(torch.equal(a, b) for a, b in zip(entry.parameters(), model.parameters(), strict=True))
    fresh = GaussianBinaryRBM(QuantumDot(omega=0.5), hidden=2, jastrow=True)
    energies = [m.observe(samples=2000, batch=200, warm_up=100)["energy"].value for m in (model, fresh)]
    assert abs(energies[0] - 1.65977215) < abs(energies[1] - 1.65977215)
    with pytest.raises(InputError, match="system must be a system or changed arguments"):
        physgen.load_pretrained(NAME, system="QuantumDot")
    with pytest.raises(InputError, match="does not fit QuantumDot"):
        physgen.load_pretrained(NAME, system={"frequency": 0.5})
    with pytest.raises(InputError, match="does not fit GaussianBinaryRBM"):
        physgen.load_pretrained(NAME, system=QuantumDot(n=6))


def test_one_line_trains_and_gives_the_numbers_of_the_command_line(tiny, tmp_path):
    main(tiny("GaussianBinaryRBM", tmp_path / "run"))
    told = Result.read(tmp_path / "run" / "result.json")
    recipe = dict(told.provenance["recipe"]["init_args"])
    evaluation = Evaluation(samples=200, batch=100, thin=1, warm_up=10)
    model = physgen.fit(
        recipe.pop("system"), told.provenance["model"], epochs=1, evaluation=evaluation, trainer=SMALL["trainer"],
        **{**recipe, "sampler": Metropolis.of(recipe["sampler"])},
    )  # fmt: skip
    assert model.result.estimates == told.estimates
    assert model.result.provenance["seed"] == told.provenance["seed"] and model.result.provenance["train_seconds"] > 0


def test_one_line_takes_names_classes_and_models(tmp_path):
    seen = []

    class Watch(Callback):
        def on_train_epoch_end(self, trainer, model):
            seen.append(trainer.current_epoch)

    sampler = Metropolis(walkers=16, steps=2, warm_up_steps=5)
    short = {"hidden": 2, "steps_per_epoch": 3, "sampler": sampler}
    named = physgen.fit("QuantumDot", "GaussianBinaryRBM", epochs=2, callbacks=[Watch()], **SMALL, **short)
    assert seen == [0, 1] and math.isfinite(named.result.headline.value)
    classed = physgen.fit(model=GaussianBinaryRBM, epochs=2, **SMALL, **short)
    built = physgen.fit(model=GaussianBinaryRBM(QuantumDot(), **short), epochs=2, **SMALL)
    assert named.result.headline == classed.result.headline
    assert isinstance(built.result, Result) and built.trainer.global_step == 6
    with pytest.raises(InputError, match="model must be a class beside system and its arguments"):
        physgen.fit("QuantumDot", built)
    path = built.save(tmp_path / "kept" / "own.ckpt")
    again = Model.load_from_checkpoint(path)
    assert again.spec() == built.spec()
    assert all(torch.equal(a, b) for a, b in zip(again.parameters(), built.parameters(), strict=True))
