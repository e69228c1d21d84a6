import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from physgen.callbacks import BlowUpGuard
from physgen.cli import main
from physgen.runs.folder import last_checkpoint

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_trainings_that_are_killed_or_stopped_at_random_end_equal():
    """Small forms of the checks; each trial runs in a process of its own, forked from one that has loaded torch."""
    code = "from benchmarks.checks import kills, stops; import sys; sys.exit(kills.main(2, 2) + stops.main(2, 2))"
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("2 of 2 equal") == 2 and done.stdout.count(": equal") == 4


class PowerCut(Exception):
    """Ends a training between two epochs; no further checkpoint is written."""


@pytest.mark.parametrize(
    "model, more",
    [
        ("GaussianBinaryRBM", "--trainer.log_every_n_steps 3"),
        ("GaussianBinaryRBM", "--model.optimizer adam"),
        ("GaussianBinaryRBM", "--trainer.precision 32-true"),
        ("MLPFlow", "--model.anneal_from 0.1"),
        ("MLPFlow", "--model.gradient path --trainer.precision 32-true"),
    ],
)
def test_a_training_cut_between_epochs_continues_bit_for_bit(model, more, tiny, same, tmp_path, monkeypatch, records):
    arguments = f"{more} --trainer.max_epochs 4"
    main(tiny(model, tmp_path / "whole", arguments))
    take = BlowUpGuard.on_train_epoch_start

    def cut(self, trainer, module):
        if trainer.current_epoch == 2:
            raise PowerCut
        take(self, trainer, module)

    with monkeypatch.context() as patch, pytest.raises(PowerCut):
        patch.setattr(BlowUpGuard, "on_train_epoch_start", cut)
        main(tiny(model, tmp_path / "cut", arguments))
    assert last_checkpoint(tmp_path / "cut").stem == "00001" and not (tmp_path / "cut" / "result.json").exists()
    main(tiny(model, tmp_path / "cut", arguments))
    same(last_checkpoint(tmp_path / "whole"), last_checkpoint(tmp_path / "cut"))
    assert records(tmp_path / "whole") == records(tmp_path / "cut")


def test_a_finished_run_is_only_evaluated_again(tiny, tmp_path, records):
    for _ in range(2):
        main(tiny("MLPFlow", tmp_path))
    assert [r["step"] for r in records(tmp_path)] == ["2", "4", "4"]


def test_a_longer_training_starts_from_the_shorter(tiny, tmp_path):
    main(tiny("GaussianBinaryRBM", tmp_path / "a"))
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    main(tiny("GaussianBinaryRBM", tmp_path / "b", "--trainer.max_epochs 2"))
    main(tiny("GaussianBinaryRBM", tmp_path / "c", "--trainer.max_epochs 2"))
    b, c = (torch.load(last_checkpoint(tmp_path / name), weights_only=True)["state_dict"] for name in "bc")
    assert all(torch.equal(b[k], c[k]) for k in b)


def test_a_half_written_metrics_file_is_no_obstacle(tiny, tmp_path, records):
    main(tiny("MLPFlow", tmp_path))
    text = (tmp_path / "metrics.csv").read_text()
    (tmp_path / "metrics.csv").write_text(text[: text.rindex(",") - 5])
    main(tiny("MLPFlow", tmp_path, "--trainer.max_epochs 2"))
    assert [r["step"] for r in records(tmp_path)] == ["2", "4", "6", "8", "8"]


def test_a_run_from_before_an_argument_came_is_continued_with_its_default(tiny, tmp_path, records, refused):
    """A checkpoint of an older physgen lacks younger arguments; another value of them is another run."""
    main(tiny("GaussianBinaryRBM", tmp_path))
    path = last_checkpoint(tmp_path)
    checkpoint = torch.load(path, weights_only=True)
    assert checkpoint["physgen"]["init_args"].pop("clip") == 5
    torch.save(checkpoint, path)
    refused(tiny("GaussianBinaryRBM", tmp_path, "--model.clip 4"), "different clip")
    main(tiny("GaussianBinaryRBM", tmp_path, "--trainer.max_epochs 2"))
    assert [r["step"] for r in records(tmp_path)] == ["2", "4", "6", "8", "8"]
