"""Trained models that ship with the package: load one, list them, make an entry of a run."""

from __future__ import annotations

import fnmatch
import shutil
from pathlib import Path
from typing import Any

import torch

from physgen.errors import InputError, check_choice
from physgen.models import Model
from physgen.models.base import read_checkpoint
from physgen.paths import shipped
from physgen.result import Result
from physgen.run_folder import last_checkpoint
from physgen.zoo.card import card
from physgen.zoo.index import read_index, sha256, write_index

#: a zoo file above this many bytes is refused
LARGEST = 5_000_000


def list_pretrained(pattern: str = "*") -> list[str]:
    """Return the names of the pretrained entries that match a shell pattern such as `quantum-dot-2d-*`."""
    return [name for name in read_index()["pretrained"] if fnmatch.fnmatch(name, pattern)]


def load_pretrained(name: str, map_location: Any = "cpu", strict: bool = True) -> Model:
    """Return the trained model `name`, its weights checked against the index.

        >>> model = load_pretrained("quantum-dot-2d-n2-omega1/rbm-jastrow")  # doctest: +SKIP
        >>> x = model.sample(1000)                                            # doctest: +SKIP

    Args:
        name: `<system>/<model>`, one of `list_pretrained()`.
        map_location: device of the weights.
        strict: whether every weight must be there and fit.

    Raises:
        InputError: an unknown name (near ones are suggested), a file that is missing or differs from its checksum.
    """
    return Model.load_from_checkpoint(pretrained_file(name), map_location, strict)


def pretrained_file(name: str) -> Path:
    """Return the path of the weights of entry `name` after its checksum was compared with the index.

    Raises:
        InputError: an unknown name, a missing file, or one that differs from its checksum.
    """
    entries = read_index()["pretrained"]
    if not entries:
        raise InputError(f"pretrained name {name!r} is not known: there are no entries yet, `publish` makes them")
    check_choice("pretrained name", name, entries)
    path = shipped("checkpoints") / name / "weights.ckpt"
    if not path.is_file():
        raise InputError(f"pretrained {name}: {path} is missing")
    found, expected = sha256(path), entries[name]["sha256"]
    if found != expected:
        raise InputError(f"pretrained {name}: sha256 of {path} is {found[:12]}..., not {expected[:12]}... as indexed")
    return path


def resolve(name: str) -> Path:
    """Return the checkpoint that `name` means: a file, a run folder, or a pretrained entry.

    Raises:
        InputError: none of these.
    """
    path = Path(name)
    if path.is_file():
        return path
    if path.is_dir() and (found := last_checkpoint(path)) is not None:
        return found
    if name.endswith(".ckpt") or path.is_dir():
        raise InputError(f"ckpt_path {name} is no checkpoint, nor a run folder with one")
    return pretrained_file(name)


def publish(run: str | Path, name: str | None = None) -> Path:
    """Make the entry `checkpoints/<name>` of a finished run, and write the index anew.

    The entry holds `weights.ckpt` (no optimiser state), the `config.yaml` that retrains it, `result.json`, `card.md`.

    Args:
        run: folder of a run that was evaluated.
        name: `<system>/<model>`; the last two parts of the run folder unless given.

    Raises:
        InputError: the run has no checkpoint, config or result, the name is not `<system>/<model>`, or the weights are
            too large.
    """
    run = Path(run)
    name = name or "/".join(run.resolve().parts[-2:])
    if len(name.split("/")) != 2 or not all(
        part.replace(".", "").replace("-", "").isalnum() for part in name.split("/")
    ):
        raise InputError(f"name must be <system>/<model> of letters, digits, dots and dashes, got {name!r}")
    checkpoint = last_checkpoint(run)
    if checkpoint is None or not (run / "config.yaml").is_file():
        raise InputError(f"run {run} holds no checkpoint and config.yaml to publish")
    result = Result.read(run / "result.json")
    held = read_checkpoint(checkpoint)
    system = Model.of({**held["physgen"]}).system.label
    if name.split("/")[0] != system:
        raise InputError(f"name must begin with the system of the run, {system}/, got {name!r}")
    folder = shipped("checkpoints") / name
    folder.mkdir(parents=True, exist_ok=True)
    weights = folder / "weights.ckpt"
    torch.save({"physgen": held["physgen"], "state_dict": held["state_dict"]}, weights)
    if weights.stat().st_size > LARGEST:
        size = weights.stat().st_size
        shutil.rmtree(folder)
        raise InputError(f"weights of {run} take {size} bytes, more than {LARGEST}")
    config = shipped("configs") / f"{name}.yaml"
    if config.is_file():
        shutil.copyfile(config, folder / "config.yaml")
    else:
        shutil.copyfile(run / "config.yaml", folder / "config.yaml")
    result.provenance["command"] = f"python -m physgen fit --config checkpoints/{name}/config.yaml"
    result.write(folder / "result.json")
    (folder / "card.md").write_text(card(name, result), encoding="utf-8")
    write_index()
    return folder
