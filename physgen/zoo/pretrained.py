"""Trained models that ship with the package: load one, list them, make an entry of a run."""

from __future__ import annotations

import contextlib
import fnmatch
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, overload

import yaml

from physgen.core.errors import InputError, check, check_choice
from physgen.core.files import copy_file, write_text, writing
from physgen.core.own_entries import own_folder
from physgen.core.paths import user_path
from physgen.core.registry import rebuilding
from physgen.core.shipped import shipped
from physgen.models import Model
from physgen.runs.again import training_again
from physgen.runs.checkpoint_file import last_readable, read_checkpoint, saved
from physgen.runs.config_file import read_config
from physgen.runs.finished_runs import keep_record
from physgen.runs.result import Result
from physgen.systems import System
from physgen.zoo.card import card
from physgen.zoo.entry_facts import EntryFacts, facts
from physgen.zoo.index import entries, write_index
from physgen.zoo.remote import SOURCE, fetched, sha256

#: arguments of a run that one which repeats it must not have: they would continue it
OF_THE_RUN = ("run_folder", "ckpt_path")
#: a zoo file above this many bytes is refused
LARGEST = 5_000_000


@overload
def list_pretrained(
    pattern: str = "*", folder: str | Path | None = None, details: Literal[False] = False
) -> list[str]: ...


@overload
def list_pretrained(
    pattern: str = "*", folder: str | Path | None = None, *, details: Literal[True]
) -> list[EntryFacts]: ...


def list_pretrained(
    pattern: str = "*", folder: str | Path | None = None, details: bool = False
) -> list[str] | list[EntryFacts]:
    """Return the names of the pretrained entries that match a shell pattern such as `quantum-dot-2d-*`.

    Args:
        pattern: shell pattern.
        folder: an own folder of entries, or a server; unless given, those of the package and of PHYSGEN_ENTRIES.
        details: whether `EntryFacts` are returned instead: system, model, value, error, gap, parameters, size.
    """
    check(isinstance(pattern, str), "pattern", pattern, "a text such as quantum-dot-2d-*")
    found = {name: entry for name, entry in entries(folder).items() if fnmatch.fnmatch(name, pattern)}
    return [facts(*item) for item in found.items()] if details else list(found)


def load_pretrained(
    name: str,
    map_location: Any = "cpu",
    strict: bool = True,
    folder: str | Path | None = None,
    system: System | Mapping[str, Any] | None = None,
) -> Model:
    """Return the trained model `name`, its weights checked against the index; `.result` is what was measured of it.

        >>> model = load_pretrained("quantum-dot-2d-n2-omega1/rbm-jastrow")  # doctest: +SKIP
        >>> x = model.sample(1000)                                            # doctest: +SKIP
        >>> model.observe(samples=10_000)["energy"]                           # doctest: +SKIP

    Args:
        name: `<system>/<model>`, one of `list_pretrained()`.
        map_location: device of the weights.
        strict: whether every weight must be there and fit.
        folder: an own folder of entries, or the address of an http(s) server of one; unless given, the package and
            PHYSGEN_ENTRIES are looked through. What a server sends is kept in `~/.cache/physgen` (PHYSGEN_CACHE), and
            taken only if it has the checksum of the index.
        system: another system that the weights start from, of as many particles and dimensions, or arguments of the
            entry's own that change, such as `{"omega": 0.5}`; nothing was measured of it.

    Raises:
        InputError: an unknown name (near ones are suggested), a file that is missing or differs from its checksum, or a
            system that the weights do not fit.
    """
    path = pretrained_file(name, folder)
    if system is not None:
        return Model.load_from_checkpoint(path, map_location, strict, system=changed(path, system))
    model = Model.load_from_checkpoint(path, map_location, strict)
    with contextlib.suppress(InputError):  # an entry may lack it
        model.result = Result.read(path.with_name("result.json"))
    return model


def changed(path: Path, system: System | Mapping[str, Any]) -> System:
    """Return `system`, or that of a checkpoint with other arguments.

    Raises:
        InputError: neither, or arguments that the system does not take.
    """
    if isinstance(system, System):
        return system
    allowed = 'a system or changed arguments of the entry\'s own, such as {"omega": 0.5}'
    check(isinstance(system, Mapping) and "class_path" not in system, "system", system, allowed)
    held = read_checkpoint(path)["physgen"]["init_args"]["system"]
    own: System = System.of({**held, "init_args": {**held["init_args"], **system}})
    return own


def pretrained_file(name: str, folder: str | Path | None = None) -> Path:
    """Return the path of the weights of entry `name` after its checksum was compared with the index.

    Raises:
        InputError: an unknown name, a missing file, or one that differs from its checksum.
    """
    known = entries(folder)
    if not known:
        raise InputError(f"pretrained name {name!r} is not known: there are no entries yet, `publish` makes them")
    check_choice("pretrained name", name, known)
    entry = known[name]
    path = entry.folder / "weights.ckpt"
    if not path.is_file():
        if entry.source is None:
            place = f"a folder or server that has it is named by {SOURCE}"
            raise InputError(f"pretrained {name}: {path} is missing; {place}")
        return fetched(entry.source, name, entry.record)
    found, expected = sha256(path), known[name].record["sha256"]
    if found != expected:
        raise InputError(f"pretrained {name}: sha256 of {path} is {found[:12]}..., not {expected[:12]}... as indexed")
    return path


def resolve(name: str) -> Path:
    """Return the checkpoint that `name` means: a file, the folder of a run or an entry, or a pretrained entry's name.

    Raises:
        InputError: none of these.
    """
    path = user_path(name, "ckpt_path")
    if path.is_file():
        return path
    if path.is_dir() and (found := last_readable(path)) is not None:
        return found
    if (path / "weights.ckpt").is_file():  # an entry by its folder
        return path / "weights.ckpt"
    if name.endswith(".ckpt") or path.is_dir():
        raise InputError(f"ckpt_path {name} is no checkpoint, nor a run folder with one")
    return pretrained_file(name)


def publish(run: str | Path, name: str | None = None, folder: str | Path | None = None) -> Path:
    """Make the entry `<name>` of a finished run, and write the index anew.

    The entry holds `weights.ckpt` (no optimiser state), the `config.yaml` that retrains it, `result.json`, `card.md`,
    and for comparisons `metrics.csv` and `structure.npz` in short.

    Args:
        run: folder of a run that was evaluated.
        name: `<system>/<model>`; the last two parts of the run folder unless given.
        folder: where it goes: this folder of your own, else that of PHYSGEN_ENTRIES, else the package's `checkpoints`.

    Raises:
        InputError: the run has no checkpoint, config or result, the name is not `<system>/<model>`, or the weights are
            too large.
    """
    run = user_path(run, "run")
    name = name or "/".join(run.resolve().parts[-2:])
    if len(name.split("/")) != 2 or not all(
        part.replace(".", "").replace("-", "").isalnum() for part in name.split("/")
    ):
        raise InputError(f"name must be <system>/<model> of letters, digits, dots and dashes, got {name!r}")
    checkpoint = last_readable(run)
    if checkpoint is None or not (run / "config.yaml").is_file():
        raise InputError(f"run {run} holds no checkpoint and config.yaml to publish")
    result = Result.read(run / "result.json")
    held = read_checkpoint(checkpoint)
    with rebuilding():
        system = Model.of({**held["physgen"]}).system.label
    if name.split("/")[0] != system:
        raise InputError(f"name must begin with the system of the run, {system}/, got {name!r}")
    own = own_folder(folder)
    entry = (own or shipped("checkpoints")) / name
    weights = saved({"physgen": held["physgen"], "state_dict": held["state_dict"]})
    if len(weights) > LARGEST:
        raise InputError(f"weights of {run} take {len(weights)} bytes, more than {LARGEST}")
    entry.mkdir(parents=True, exist_ok=True)
    with writing(entry / "weights.ckpt") as file:
        file.write(weights)
    config = shipped("configs") / f"{name}.yaml"
    if config.is_file():
        copy_file(config, entry / "config.yaml")
    else:
        kept = {k: v for k, v in read_config(run / "config.yaml").items() if k not in OF_THE_RUN}
        write_text(entry / "config.yaml", yaml.safe_dump(kept, sort_keys=False))
    place = f"checkpoints/{name}" if own is None else entry
    result.provenance["command"] = training_again(f"{place}/config.yaml", held["physgen"])
    result.write(entry / "result.json")
    write_text(entry / "card.md", card(name, result))
    keep_record(run, entry, result)
    write_index(own)
    return entry
