"""Entries measured anew: what agrees passes, what differs or is broken fails with a line, the others go on."""

import json
import re
import shutil

import pytest
import torch

import physgen
from physgen.cli import main
from physgen.cli import verify as verify_cli
from physgen.core.errors import InputError
from physgen.models import Model
from physgen.runs.evaluation import Evaluation
from physgen.runs.result import Estimate, Result
from physgen.zoo import index
from physgen.zoo.pretrained import publish
from physgen.zoo.verify import FEWEST_BATCHES, FEWEST_WALKERS, Verified, shortened, stored_evaluation, verify

NAMES = [f"classical-dot-n2-beta10/{what}" for what in ("sound", "shifted", "spoiled", "lost", "halved")]


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    """A folder of entries of one run, all but the first with something wrong."""
    place = tmp_path_factory.mktemp("own")
    short = (
        "fit --model MLPFlow --model.system ClassicalDot --model.system.n 2 --model.hidden [8,8] "
        "--trainer.max_epochs 1 --model.steps_per_epoch 2 --trainer.accelerator cpu "
        "--evaluation.samples 2000 --evaluation.batch 200 "
        "--wandb off --figures false --trainer.enable_progress_bar false"
    )
    main([*short.split(), "--run_folder", str(place / "run")])
    for name in NAMES:
        publish(place / "run", name, place / "zoo")
    sound, shifted, spoiled, lost, halved = (place / "zoo" / name for name in NAMES)
    fields = json.loads((shifted / "result.json").read_text())
    headline = fields["estimates"]["free_energy"]
    headline["value"] += 50 * headline["error"]
    (shifted / "result.json").write_text(json.dumps(fields))
    content = bytearray((spoiled / "weights.ckpt").read_bytes())
    content[len(content) // 2] ^= 1
    (spoiled / "weights.ckpt").write_bytes(content)
    (lost / "result.json").unlink()
    (halved / "result.json").write_text((sound / "result.json").read_text()[:200])
    return place / "zoo"


def test_what_agrees_passes_and_the_rest_fails_in_a_line_each(zoo, capfd, monkeypatch):
    monkeypatch.setattr(verify_cli, "entries", lambda: index.entries(zoo))
    with pytest.raises(SystemExit) as end:
        main(["verify", "--all", "--seed=3", f"--folder={zoo}"])
    shown = capfd.readouterr()
    assert end.value.code == 1 and "1 of 5 entries pass, seed 3" in shown.out
    lines = [line for line in shown.err.splitlines() if "physgen" in line]
    assert len(lines) == 4 and all(line.startswith("physgen: failed: ") for line in lines)
    for line, (name, reason) in zip(
        sorted(lines),
        sorted(zip(NAMES[1:], ("sigma", "sha256", "result.json cannot be read", "result.json cannot"), strict=True)),
        strict=True,
    ):
        assert name in line and reason in line
    assert re.search(r"differs from the stored .* by -\d\d\.\d sigma", shown.err)
    main(["verify", NAMES[0], f"--folder={zoo}", "--seconds=5"])
    assert re.search(r"1 of 1 entries pass, seed \d+", capfd.readouterr().out)


def test_draws_are_fresh_and_repeat_with_their_seed(zoo):
    first, again, other = (verify(NAMES[0], seed, folder=zoo) for seed in (1, 1, 2))
    assert first.value == again.value != other.value
    assert first.value != first.stored  # published with the seed 1
    assert first.samples == first.stored_samples == 2000 and abs(first.sigma) < 4.5
    assert first.value.error == pytest.approx(first.stored.error, rel=0.3)


def test_time_limits_samples_and_walkers(zoo):
    assert verify(NAMES[0], 1, seconds=1e-9, folder=zoo).samples == FEWEST_BATCHES * 200
    entry = index.entries(zoo)[NAMES[0]]
    result = Result.read(entry.folder / "result.json")
    assert stored_evaluation(entry, result) == Evaluation(samples=2000, batch=200)
    model, full = physgen.load_pretrained("quantum-dot-2d-n2-omega1/rbm-hidden2"), Evaluation(batch=1000, warm_up=500)
    assert shortened(model, full, 1e-6).batch == FEWEST_WALKERS
    assert shortened(model, full, 1e6) == full


def test_an_interruption_shows_what_was_measured(zoo, monkeypatch, capfd):
    def until_the_second(name, *_, **__):
        if name == NAMES[1]:
            raise KeyboardInterrupt
        return Verified(name, Estimate(3.0, 0.1), Estimate(3.1, 0.1))

    monkeypatch.setattr(verify_cli, "verify_or_say", until_the_second)
    with pytest.raises(SystemExit) as end:
        main(["verify", *NAMES[:2], f"--folder={zoo}"])
    shown = capfd.readouterr()
    assert end.value.code == 130 and "1 of 1 entries pass" in shown.out and NAMES[0] in shown.out
    assert "interrupted; 1 of 2 entries are done" in shown.err


@pytest.mark.parametrize(
    ("value", "error", "fails"),
    [(3.0, 0.1, False), (3.39, 0.0, False), (3.41, 0.0, True), (2.59, 0.0, True), (3.5, 0.1, False), (3.6, 0.1, True)],
)
def test_four_combined_errors_are_the_limit(value, error, fails):
    found = Verified("a/b", Estimate(value, error), Estimate(3.0, 0.1))
    assert bool(found.failure) == fails and "\n" not in found.failure


def test_rounding_of_an_exact_value_is_no_difference():
    assert not Verified("a/b", Estimate(1.0 + 2e-16, 0.0), Estimate(1.0, 0.0)).failure
    assert Verified("a/b", Estimate(1.0 + 1e-6, 0.0), Estimate(1.0, 0.0)).failure
    assert Verified("a/b", Estimate(float("nan"), 0.1), Estimate(1.0, 0.1)).failure


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ("verify", "names of entries, or --all"),
        ("verify --all quartic-well-beta1/group-average", "--all"),
        ("verify quartic-well-beta1/group-avarage", "did you mean quartic-well-beta1/group-average"),
        ("verify quartic-well-beta1/group-average --seed=-1", "seed must be"),
        ("verify quartic-well-beta1/group-average --seconds 0", "seconds must be"),
        ("verify quartic-well-beta1/group-average --second 3", "second"),
        ("show", "show needs NAME"),
        ("show a/b c/d", "unrecognized arguments: c/d"),
        ("show quartic-well-beta1/group-avarage", "did you mean"),
    ],
)
def test_bad_input_is_refused_in_one_line(arguments, named, refused):
    refused(arguments.split(), named)


def test_the_card_is_shown(capsys):
    main(["show", "quantum-dot-2d-n2-omega1/rbm-jastrow"])
    shown = capsys.readouterr().out
    assert "GaussianBinaryRBM" in shown and "3.0000" in shown and "load_pretrained" in shown


def test_an_entry_of_a_newer_physgen_is_said_to_be_one(zoo, tmp_path, refused):
    shutil.copytree(zoo / NAMES[0], tmp_path / NAMES[0])
    file = tmp_path / NAMES[0] / "weights.ckpt"
    held = torch.load(file, weights_only=True)
    recipe = {**held["physgen"], "version": "99.1.0"}
    newer = {
        "format": {**recipe, "format": 99},
        "class": {**recipe, "class_path": "physgen.models.novel.NovelFlow"},
        "argument": {**recipe, "init_args": {**recipe["init_args"], "novel": 3}},
    }
    for change in newer.values():
        torch.save({**held, "physgen": change}, file)
        index.write_index(tmp_path)
        with pytest.raises(InputError, match=r"newer physgen \(99.1.0\)") as refusal:
            physgen.load_pretrained(NAMES[0], folder=tmp_path)
        assert "\n" not in str(refusal.value)
        refused(["test", NAMES[0], f"--folder={tmp_path}"], "novel" if change is newer["argument"] else "newer physgen")
    torch.save({**held, "physgen": recipe}, file)  # one that this physgen still understands is taken
    assert type(Model.load_from_checkpoint(file)).__name__ == "MLPFlow"

    path = tmp_path / NAMES[0] / "result.json"
    fields = json.loads(path.read_text())
    del fields["estimates"]
    path.write_text(json.dumps({**fields, "provenance": {"physgen": "99.1.0"}}))
    with pytest.raises(InputError, match=r"result.json cannot be read: it was written by a newer physgen \(99.1.0\)"):
        Result.read(path)
    with pytest.raises(InputError, match="newer physgen"):
        index.write_index(tmp_path)
    (tmp_path / NAMES[0] / "card.md").unlink()
    refused(["show", NAMES[0], f"--folder={tmp_path}"], "card")
