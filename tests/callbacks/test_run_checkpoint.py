"""Trainings that stop within an epoch make exactly the iterations of one that does not."""

import errno
import os
import shutil
import signal

import pytest
import torch
from lightning import Trainer

from physgen.callbacks import BlowUpGuard
from physgen.cli import main
from physgen.models import GaussianBinaryRBM, MLPFlow
from physgen.objectives.typical import Typical
from physgen.runs.checkpoint_file import read_checkpoint
from physgen.runs.folder import checkpoints, last_checkpoint
from physgen.runs.result import Result
from physgen.systems import ClassicalDot, QuantumDot

MODELS = ("GaussianBinaryRBM", "MLPFlow")
EPOCHS = "--trainer.max_epochs 2 --model.steps_per_epoch 5"


@pytest.fixture(scope="module")
def whole(tmp_path_factory, tiny):
    """Uninterrupted runs of 2 x 5 iterations, and of their first 8."""
    place = tmp_path_factory.mktemp("whole")
    for model in MODELS:
        main(tiny(model, place / f"{model}10", EPOCHS))
        main(tiny(model, place / f"{model}8", f"{EPOCHS} --trainer.max_steps 8"))
    return place


@pytest.fixture
def equal(whole, same, records):
    def check(folder, model, steps=10):
        same(last_checkpoint(whole / f"{model}{steps}"), last_checkpoint(folder))
        assert records(whole / f"{model}{steps}") == records(folder)
        results = [Result.read(f / "result.json") for f in (whole / f"{model}{steps}", folder)]
        assert repr(results[0].estimates) == repr(results[1].estimates)  # NaN included
        assert [r.provenance["iterations"] for r in results] == [steps, steps]
        assert len(checkpoints(folder)) == 1

    return check


@pytest.mark.parametrize(
    ("model", "stops"),
    [("GaussianBinaryRBM", (3, 8)), ("MLPFlow", (5, 8)), *((model, (3, 4, 5, 7, 10)) for model in MODELS)],
)
def test_max_steps_loses_no_iteration(model, stops, tiny, equal, tmp_path):
    for stop in stops:
        main(tiny(model, tmp_path, f"{EPOCHS} --trainer.max_steps {stop}"))
    equal(tmp_path, model, stops[-1])


def test_averaged_weights_lose_no_iteration(tiny, same, tmp_path):
    """The weights that are trained stand beside the averaged ones in a checkpoint, in their own precision."""
    options = "--trainer.max_epochs 3 --model.steps_per_epoch 5 --trainer.callbacks EMAWeightAveraging"
    main(tiny("MLPFlow", tmp_path / "whole", options))
    for stop in (8, 10, 15):
        main(tiny("MLPFlow", tmp_path / "cut", f"{options} --trainer.max_steps {stop}"))
    files = [last_checkpoint(tmp_path / name) for name in ("whole", "cut")]
    same(*files)
    held = [torch.load(file, weights_only=True)["current_model_state"] for file in files]
    assert all(torch.equal(weight, held[1][name]) for name, weight in held[0].items())


def test_a_single_epoch_goes_on_where_it_stopped(tiny, tmp_path):
    for stop in (3, 4):
        main(tiny("GaussianBinaryRBM", tmp_path, f"--trainer.max_steps {stop}"))
    assert Result.read(tmp_path / "result.json").provenance["iterations"] == 4


@pytest.mark.parametrize(
    ("model", "number", "at"),
    [("GaussianBinaryRBM", signal.SIGTERM, 3), ("MLPFlow", signal.SIGINT, 7), ("MLPFlow", signal.SIGTERM, 5)],
)
def test_a_signal_loses_no_iteration(model, number, at, tiny, equal, tmp_path, monkeypatch, capfd):
    judge = BlowUpGuard.on_train_batch_start

    def send(self, trainer, module, *rest):
        judge(self, trainer, module, *rest)
        if trainer.global_step == at - 1:
            os.kill(os.getpid(), number)

    with monkeypatch.context() as patch, pytest.raises(SystemExit) as end:
        patch.setattr(BlowUpGuard, "on_train_batch_start", send)
        main(tiny(model, tmp_path, EPOCHS))
    said = capfd.readouterr().err.strip().splitlines()
    assert end.value.code == 128 + number and not (tmp_path / "result.json").exists()
    assert said[-1].startswith("physgen: ") and f"--run_folder {tmp_path} goes on" in said[-1]
    assert read_checkpoint(last_checkpoint(tmp_path))["global_step"] == at
    main(tiny(model, tmp_path, EPOCHS))
    equal(tmp_path, model)


def test_a_step_undone_after_the_stop_returns_to_the_same_state(tiny, same, tmp_path, monkeypatch):
    """The snapshot of the guard is of an iteration before the checkpoint."""
    judge = BlowUpGuard.on_train_batch_end

    def spoil(self, trainer, module, *rest):
        if module.iteration == 8 and not self.undone:
            module.step = Typical(value=float("nan"), lost=1.0, worst=1.0)
        judge(self, trainer, module, *rest)

    monkeypatch.setattr(BlowUpGuard, "on_train_batch_end", spoil)
    for name, stops in {"whole": (10,), "cut": (7, 10)}.items():
        for stop in stops:
            main(tiny("GaussianBinaryRBM", tmp_path / name, f"{EPOCHS} --trainer.max_steps {stop}"))
    same(last_checkpoint(tmp_path / "whole"), last_checkpoint(tmp_path / "cut"))


@pytest.mark.parametrize("kind", ["rbm", "flow"])
@pytest.mark.parametrize("stop", [7, 10])
def test_a_trainer_in_python_loses_no_iteration(kind, stop, tmp_path):
    def model():
        torch.manual_seed(1)
        if kind == "flow":
            return MLPFlow(ClassicalDot(n=2), hidden=[8, 8], batch_size=16, steps_per_epoch=10)
        return GaussianBinaryRBM(QuantumDot(), hidden=2, steps_per_epoch=10)

    def trainer(**settings):
        quiet = {"logger": False, "enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu"}
        return Trainer(default_root_dir=tmp_path, enable_checkpointing=False, **quiet, **settings)

    whole, file = model(), tmp_path / "stop.ckpt"
    trainer(max_epochs=2).fit(whole)
    stopped = trainer(max_epochs=2, max_steps=stop)
    stopped.fit(model())
    stopped.save_checkpoint(file)
    for limits in ({}, {"max_steps": 20}):
        rest, going_on = model(), trainer(max_epochs=2, **limits)
        going_on.fit(rest, ckpt_path=file, weights_only=True)
        assert going_on.global_step == 20
        assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), rest.parameters(), strict=True))


def test_a_full_disk_stops_no_training(tiny, equal, tmp_path, monkeypatch, caplog):
    """Checkpoints of the first epoch find no room."""
    import physgen.callbacks.run_checkpoint as module

    written, names = module.writing, []

    def full(path):
        names.append(path.name)
        if path.name == "00000.ckpt":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return written(path)

    monkeypatch.setattr(module, "writing", full)
    main(tiny("MLPFlow", tmp_path, EPOCHS))
    assert names == ["00000.ckpt", "00001.ckpt"] and caplog.text.count("No space left on device") == 1
    equal(tmp_path, "MLPFlow")


def test_a_training_whose_end_is_not_kept_fails_in_one_line(tiny, equal, tmp_path, monkeypatch, capfd):
    import physgen.callbacks.run_checkpoint as module

    written = module.writing

    def full(path):
        if path.name == "00001.ckpt":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return written(path)

    with monkeypatch.context() as patch, pytest.raises(SystemExit) as end:
        patch.setattr(module, "writing", full)
        main(tiny("MLPFlow", tmp_path, EPOCHS))
    said = capfd.readouterr().err.strip().splitlines()
    assert end.value.code == 1 and "Traceback" not in "\n".join(said)
    assert said[-1].startswith("physgen: error: ") and "No space left on device" in said[-1]
    assert [p.name for p in checkpoints(tmp_path)] == ["00000.ckpt"]
    main(tiny("MLPFlow", tmp_path, EPOCHS))
    equal(tmp_path, "MLPFlow")


@pytest.fixture(scope="module")
def half(tmp_path_factory, tiny):
    """A run of the first 5 of 10 iterations."""
    folder = tmp_path_factory.mktemp("half") / "run"
    main(tiny("MLPFlow", folder, f"{EPOCHS} --trainer.max_steps 5"))
    return folder


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"\0" * len(b)])
def test_a_damaged_checkpoint_is_left_out(damage, half, tiny, equal, tmp_path, caplog):
    shutil.copytree(half, tmp_path, dirs_exist_ok=True)
    good = last_checkpoint(tmp_path)
    (good.parent / "00001.ckpt").write_bytes(damage(good.read_bytes()))
    os.utime(good, (1, 1))
    (good.parent / ".00001.ckpt.elsewhere-1-0.part").write_bytes(b"half")
    main(tiny("MLPFlow", tmp_path, EPOCHS))
    assert "00001.ckpt" in caplog.text and f"the newest whole checkpoint is {good}" in caplog.text
    equal(tmp_path, "MLPFlow")


def test_without_a_whole_checkpoint_nothing_is_trained_over(tiny, tmp_path, refused):
    main(tiny("MLPFlow", tmp_path))
    path = last_checkpoint(tmp_path)
    path.write_bytes(path.read_bytes()[:1000])
    refused(tiny("MLPFlow", tmp_path), "00000.ckpt is damaged; remove to start anew")
    path.write_bytes(b"")
    main(tiny("MLPFlow", tmp_path))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("verb", "place"),
    [
        (["test"], "physgen.cli.training.TrainingCLI.loaded"),
        (["predict"], "physgen.cli.training.TrainingCLI.loaded"),
        (["list"], "physgen.cli.listing.show_list"),
        (["publish", "x", "a/b"], "physgen.zoo.pretrained.publish"),
        (["index"], "physgen.zoo.index.write_index"),
        (["compare", "quantum-dot-2d-n2-omega1/rbm-jastrow"], "physgen.cli.compare.compare_all"),
        (["verify", "quantum-dot-2d-n2-omega1/rbm-jastrow"], "physgen.cli.verify.verify_or_say"),
        (["reference", "--system", "ClassicalDot", "--output", "{}"], "physgen.cli.reference.reference"),
        (["sweep", "--seeds", "1", "--run_folder", "{}", "--wandb", "off"], "physgen.cli.grid.remember"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_every_verb_ends_by_a_signal(verb, place, number, tmp_path, monkeypatch, capfd):
    def send(*_, **__):
        os.kill(os.getpid(), number)
        raise ValueError("a library made another error of it")

    monkeypatch.setattr(place, send)
    arguments = [part.format(tmp_path / "run") for part in verb]
    if verb[0] in ("test", "predict"):
        arguments += ["quantum-dot-2d-n2-omega1/rbm-jastrow", "--run_folder", str(tmp_path / "run"), "--wandb", "off"]
    with pytest.raises(SystemExit) as end:
        main(arguments)
    said = capfd.readouterr().err.strip().splitlines()
    assert end.value.code == 128 + number
    assert said[-1].startswith("physgen: " + ("interrupted; " if number == signal.SIGINT else "ended by SIGTERM; "))
    assert not (tmp_path / "run").exists() and "Traceback" not in "\n".join(said)
