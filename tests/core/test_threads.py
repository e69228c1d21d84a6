"""One CPU thread unless more are asked for, in every verb; and the process has its own number again afterwards."""

import json
from pathlib import Path

import pytest
import torch

from physgen.cli import main, reference, training
from physgen.core.errors import InputError
from physgen.core.threads import LARGEST_OF_ONE_THREAD, take_threads, threads_put_back

RESULTS = sorted((Path(__file__).resolve().parents[2] / "checkpoints").rglob("result.json"))


class Built(training.TrainingCLI):
    """The command line up to a trainer that has not begun; notes the threads of that moment."""

    def _run_subcommand(self, subcommand):
        self.threads = torch.get_num_threads()


@pytest.fixture
def three():
    """A process of three threads."""
    with threads_put_back():
        torch.set_num_threads(3)
        yield 3


FIT = "fit --model NeuralBackflow --model.system QuantumDot --model.system.n 6 --wandb off --figures false"


@pytest.mark.parametrize(("more", "threads"), [("", 1), ("--threads 2", 2)])
def test_a_training_takes_one_thread_unless_told(more, threads, three, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert training.run([*FIT.split(), *more.split()], Built).threads == threads
    assert torch.get_num_threads() == three


@pytest.mark.parametrize(("more", "threads"), [("", 1), ("--threads 2", 2)])
def test_a_reference_takes_one_thread_unless_told(more, threads, three, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    seen, measure = [], reference.reference

    def on_one(*arguments, **more):
        seen.append(torch.get_num_threads())
        torch.set_num_threads(1)  # two would wait for each other beside other tests
        return measure(*arguments, **more)

    monkeypatch.setattr(reference, "reference", on_one)
    main(
        ["reference", *"--system ClassicalDot --system.n 1 --system.beta 4 --error 0.1 --cache false".split()]
        + more.split()
    )
    assert seen == [threads] and torch.get_num_threads() == three


@pytest.mark.parametrize("verb", ["fit", "reference --system ClassicalDot"])
@pytest.mark.parametrize("number", ["0", "-1"])
def test_no_threads_are_refused_in_one_line(verb, number, refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused([*verb.split(), "--threads", number], "threads")
    assert not list(tmp_path.iterdir())


def test_only_networks_above_the_zoo_take_more(three):
    take_threads(parameters=LARGEST_OF_ONE_THREAD + 1)
    assert torch.get_num_threads() == three
    take_threads(parameters=LARGEST_OF_ONE_THREAD)
    assert torch.get_num_threads() == 1
    with pytest.raises(InputError, match="threads must be"):
        take_threads(0)


def test_every_entry_of_the_zoo_is_below_the_limit():
    sizes = [json.loads(path.read_text())["provenance"]["parameters"] for path in RESULTS]
    assert len(sizes) > 20 and max(sizes) < LARGEST_OF_ONE_THREAD
