"""A training that stays orthogonal to a trained state: what is taken, what is refused, and what is kept of it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from physgen.cli import main
from physgen.core.errors import InputError
from physgen.models import JastrowCorrelator, Model, NuclearCorrelator, SlaterJastrow
from physgen.objectives import OrthogonalEnergy
from physgen.runs.finished_runs import Run
from physgen.runs.result import Result
from physgen.runs.zero_variance import zero_variance
from physgen.systems import LightNucleus, QuantumDot
from physgen.zoo import orthogonal
from physgen.zoo.across import compare_all
from physgen.zoo.card import card
from physgen.zoo.orthogonal import keep_orthogonal, lower_state
from physgen.zoo.refresh import compared

ROOT = Path(__file__).resolve().parents[2] / "checkpoints"
DEUTERON = "light-nucleus-2h-model-o/nuclear-correlator"


@pytest.fixture
def few_draws(monkeypatch):
    """Draw little from the lower state: nothing here is measured by it."""
    monkeypatch.setattr(orthogonal, "CHAINS", 32)
    monkeypatch.setattr(orthogonal, "SETS", 2)
    monkeypatch.setattr(orthogonal, "MOVES", 3)


def test_the_pretrained_state_overlaps_with_itself(float64, few_draws):
    torch.manual_seed(2)
    model = NuclearCorrelator(LightNucleus("2H", "model_o"))
    state = lower_state(DEUTERON, model)
    assert state.x.dtype == torch.float64 and len(state.x) == 64
    x = state.x[::4]
    with torch.no_grad():
        assert float(state.overlap(state.log_psi, x)) == pytest.approx(1, abs=1e-12)
        assert abs(float(state.overlap(model.log_psi, x))) < 1
    assert torch.equal(lower_state(DEUTERON, model).x, state.x)  # a training that goes on meets the same


def test_the_objective_of_the_model_is_replaced(few_draws):
    model = NuclearCorrelator(LightNucleus("2H", "model_o"))
    assert keep_orthogonal(model, DEUTERON, 2.0) == f"orthogonal to {DEUTERON}: its squared overlap costs 40 MeV"
    assert isinstance(model.objective, OrthogonalEnergy) and model.objective.strength == 2.0


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (lambda: NuclearCorrelator(LightNucleus("2H")), "must be of light-nucleus-2h-lo-pionless-cutoff4"),
        (lambda: JastrowCorrelator(LightNucleus("2H", "model_o")), "model must be a NuclearCorrelator"),
        (lambda: SlaterJastrow(QuantumDot(2)), "model must be a NuclearCorrelator"),
    ],
)
def test_another_system_or_model_is_refused(model, words):
    with pytest.raises(InputError, match=words):
        keep_orthogonal(model(), DEUTERON, 3.0)


def test_from_the_command_line(tmp_path, refused, few_draws):
    own = "fit --model NuclearCorrelator --model.system LightNucleus --model.system.nuclide 2H "
    own += "--model.system.hamiltonian model_o --model.width 4 --model.layers 1 --model.sampler Metropolis "
    own += "--model.sampler.walkers 8 --model.sampler.warm_up_steps 5 --model.steps_per_epoch 1 "
    own += "--trainer.max_epochs 1 --trainer.log_every_n_steps 1 --trainer.accelerator cpu "
    own += "--trainer.enable_progress_bar false --wandb off "
    own += "--figures false --evaluation.samples 32 --evaluation.batch 16 --evaluation.warm_up 5"
    start = [*own.split(), "--run_folder", str(tmp_path / "a")]
    refused([*start, "--orthogonal_to", "none-such"], "none-such")
    refused([*start, "--overlap_penalty", "2"], "overlap_penalty")
    assert not (tmp_path / "a").exists()
    main([*start, "--orthogonal_to", DEUTERON, "--overlap_penalty", "2"])
    held = json.loads((tmp_path / "a" / "result.json").read_text())
    assert held["provenance"]["orthogonal_to"] == DEUTERON
    assert held["provenance"]["state"] == "excited" and held["reference"] is None
    trained = Model.load_from_checkpoint(tmp_path / "a" / "checkpoints" / "00000.ckpt")
    assert trained.excited and trained.references() == [] and trained.recipe()["state"] == "excited"
    assert trained.system.references()
    metrics = (tmp_path / "a" / "metrics.csv").read_text()
    assert "train/overlap_square" in metrics
    longer = [
        *own.replace("--trainer.max_epochs 1", "--trainer.max_epochs 2").split(),
        "--run_folder",
        str(tmp_path / "a"),
    ]
    continuing = [*longer, "--ckpt_path", str(tmp_path / "a" / "checkpoints" / "00000.ckpt")]
    refused(continuing, "objective must be OrthogonalEnergy, as in the checkpoint")
    main([*continuing, "--orthogonal_to", DEUTERON, "--overlap_penalty", "2"])


def test_an_excited_state_stands_beside_no_reference():
    """References are of ground states: none in cards and refreshed results, a comparison of its own."""
    ground = Result.read(ROOT / DEUTERON / "result.json")
    excited = replace(ground, reference=None, provenance={**ground.provenance, "state": "excited"})
    assert compared(excited) is excited and compared(replace(ground, reference=None)).reference is not None
    known = f"| {ground.reference.label} |"
    assert known in card(DEUTERON, ground) and known not in card(DEUTERON, excited)
    both = compare_all([Run("a", ground), Run("b", excited)])
    assert [part.reference is None for part in both.parts] == [False, True]
    assert [row[0] for row in both.table()] == [ground.provenance["system"], ground.provenance["system"] + ", excited"]
    with pytest.raises(InputError, match="all of the ground state or none"):
        zero_variance([ground, excited])
