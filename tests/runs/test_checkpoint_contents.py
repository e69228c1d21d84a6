"""Checkpoints, arrays and sizes of a stranger that torch's safe loader lets pass: one line each, nothing unpacked."""

import zipfile

import numpy as np
import pytest
import torch

from physgen.cli import main
from physgen.core.archive import read_arrays
from physgen.core.errors import InputError
from physgen.models import Model
from physgen.runs.checkpoint_contents import check_training, drawn
from physgen.runs.checkpoint_file import read_checkpoint
from physgen.runs.folder import last_checkpoint
from physgen.systems import System

QUIET = ["--figures=false", "--wandb=off", "--trainer.enable_progress_bar=false"]


@pytest.fixture(scope="module")
def run(tiny, tmp_path_factory):
    """A run folder of a wavefunction, whose checkpoint holds walkers."""
    folder = tmp_path_factory.mktemp("tampered") / "run"
    main(tiny("GaussianBinaryRBM", folder))
    return folder


@pytest.fixture
def held(run):
    """The contents of a sound checkpoint."""
    return torch.load(last_checkpoint(run), weights_only=True)


def weights(change):
    """Tamper with the first weight."""
    return lambda held: held["state_dict"].update({next(iter(held["state_dict"])): change})


TAMPERED = {
    "format": lambda held: held["physgen"].update(format="x"),
    "a list as format": lambda held: held["physgen"].update(format=[1]),
    "a number as class": lambda held: held["physgen"].update(class_path=5),
    "numbers as arguments": lambda held: held["physgen"].update(init_args={1: 2}),
    "a huge size": lambda held: held["physgen"]["init_args"].update(hidden=10**9),
    "an endless size": lambda held: held["physgen"]["init_args"].update(hidden=10**30),
    "a class as size": lambda held: held["physgen"]["init_args"].update(hidden={"class_path": "this.x"}),
    "complex weights": weights(torch.zeros(4, 2, dtype=torch.complex128)),
    "whole weights": weights(torch.zeros(4, 2, dtype=torch.long)),
    "NaN": lambda held: [w.fill_(float("nan")) for w in held["state_dict"].values()],
    "infinite": lambda held: [w.fill_(float("inf")) for w in held["state_dict"].values()],
    "a view larger than its data": weights(torch.zeros(1).expand(10**6)),
    "references to references": lambda held: held.update(more=tower(30)),
    "sparse": weights(torch.zeros(4, 2).to_sparse()),
}
CONTINUED = {
    "weights alone": lambda held: [held.pop(k) for k in list(held) if k not in ("physgen", "state_dict")],
    "draws": lambda held: held.update(draws=[1]),
    "draws of the wrong size": lambda held: held["draws"]["state"].update(x=torch.zeros(1, 7, 2, 2)),
    "draws of another system": lambda held: held["draws"]["state"].update(x=torch.zeros(1, 16, 3, 2)),
    "draws that are not finite": lambda held: held["draws"]["state"]["x"].fill_(float("nan")),
    "text as draws": lambda held: held["draws"]["state"].update(x="text"),
    "a generator": lambda held: held["draws"].update(generator=torch.zeros(1, 7, dtype=torch.uint8)),
    "records of text": lambda held: held.update(records={"energy": ["a"]}),
    "a text as records": lambda held: held.update(records="energy"),
    "callbacks": lambda held: held.update(callbacks={"RunCard": 5}),
    "the state of a callback": lambda held: held["callbacks"].update(RunCard={"seconds": "x"}),
    "the version of lightning": lambda held: held.update({"pytorch-lightning_version": "zz"}),
    "no version of lightning": lambda held: held.pop("pytorch-lightning_version"),
    "no optimiser": lambda held: held.update(optimizer_states=[]),
    "a text as optimiser": lambda held: held.update(optimizer_states=["adam"]),
    "another optimiser": lambda held: held.update(optimizer_states=[{"state": {}, "param_groups": []}]),
    "no loops": lambda held: held.pop("loops"),
    "empty loops": lambda held: held.update(loops={}),
    "other loops": lambda held: held.update(loops={"fit_loop": {"state_dict": 1}}),
    "a step": lambda held: held.update(global_step=-1),
    "schedulers": lambda held: held.update(lr_schedulers=[{"last_epoch": "x", "_step_count": "y"}]),
}


def tower(height):
    """Return lists within lists, each holding the next one ten times."""
    value = [1]
    for _ in range(height):
        value = [value] * 10
    return value


@pytest.mark.parametrize("name", TAMPERED)
def test_a_tampered_checkpoint_is_refused_in_one_line(name, held, tmp_path):
    TAMPERED[name](held)
    torch.save(held, tmp_path / "evil.ckpt")
    with pytest.raises(InputError) as error:
        Model.load_from_checkpoint(tmp_path / "evil.ckpt")
    assert len(str(error.value).replace(str(tmp_path), "")) < 300 and "\n" not in str(error.value)


@pytest.mark.parametrize("name", CONTINUED)
def test_a_training_does_not_go_on_from_a_tampered_checkpoint(name, held, tiny, tmp_path, refused):
    CONTINUED[name](held)
    torch.save(held, tmp_path / "evil.ckpt")
    said = refused([*tiny("GaussianBinaryRBM", tmp_path / "out"), f"--ckpt_path={tmp_path}/evil.ckpt"], "")
    assert "checkpoint" in said or "walkers" in said


def test_a_sound_checkpoint_passes(held, run):
    check_training("it", held)
    assert drawn(held["draws"]) and read_checkpoint(last_checkpoint(run)).keys() == held.keys()


def test_compressed_archives_are_not_unpacked(run, tmp_path):
    bomb = tmp_path / "bomb.ckpt"
    with zipfile.ZipFile(last_checkpoint(run)) as sound, zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in sound.namelist():
            archive.writestr(member, sound.read(member))
        archive.writestr("bomb/data/99", bytes(10**7))
    with pytest.raises(InputError, match="damaged or no checkpoint"):
        Model.load_from_checkpoint(bomb)


def header(shape, kind="<f8"):
    """Bytes of an array file that declares a shape and holds a thousand numbers."""
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"
    text = text.ljust(127 - 10) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + bytes(8000)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x", header((10**12,))),
        ("x", header((10**9, 10**9, 10**9))),
        ("x", header((-5,))),
        ("x", header((5,), "|O")),
        ("../../x", header((5,))),
        ("file name", header((5,))),
        ("x", b"text"),
        ("x", bytes(6 * 10**7)),
    ],
)
def test_arrays_are_as_large_as_their_file_and_have_plain_names(name, content, tmp_path):
    path = tmp_path / "structure.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}.npy", content)
    with pytest.raises(ValueError):
        read_arrays(path)


def test_arrays_come_back_as_they_were(tmp_path):
    arrays = {"edges": np.linspace(0, 1, 5), "counts": np.arange(4).reshape(2, 2, order="F"), "empty": np.zeros(0)}
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    found = read_arrays(tmp_path / "a.npz")
    assert all(np.array_equal(found[k], v) and found[k].dtype == v.dtype for k, v in arrays.items())
    assert read_arrays(tmp_path / "a.npz", "edges").keys() == {"edges"}


@pytest.mark.parametrize(
    ("name", "system", "arguments"),
    [
        ("GaussianBinaryRBM", "QuantumDot", {"hidden": 10**9}),
        ("MLPFlow", "ClassicalDot", {"hidden": [64] * 100_000}),
        ("AutoregressiveMLP", "ClassicalDot", {"hidden": 10**9}),
    ],
)
def test_a_model_of_absurd_size_is_refused_before_it_is_allocated(name, system, arguments):
    with pytest.raises(InputError, match="would hold more than"):
        Model.lookup(name)(System.of(system), **arguments)
