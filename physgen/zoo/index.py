"""The committed index of everything that has a name; read without torch."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from physgen.core import fields
from physgen.core.errors import InputError
from physgen.core.files import write_text
from physgen.core.own_entries import ENTRIES, own_folder
from physgen.core.plain_text import folder_name
from physgen.core.shipped import shipped
from physgen.core.small_file import read_small
from physgen.zoo.remote import SOURCE, cache, is_url, remote_index, sha256

if TYPE_CHECKING:  # numpy would make `list` slow
    from physgen.core.registry import Registered

INDEX = Path(__file__).with_name("index.json")
#: index of a user's own folder of entries, in that folder
OWN_INDEX = "index.json"


@dataclass(frozen=True)
class Entry:
    """A pretrained entry: its folder, with card, config, weights and result, and what the index says of it.

    Args:
        folder: where its files lie, or would.
        record: what the index says.
        source: server, or folder, that its weights may come from.
    """

    folder: Path
    record: dict[str, Any]
    source: str | None = None


def entries(folder: str | Path | None = None) -> dict[str, Entry]:
    """Return the entries by name: those of the package, and of the user's own folder, which come first.

    Args:
        folder: an own folder of entries, or an http(s) server, whose entries alone are returned; that of
            PHYSGEN_ENTRIES is added otherwise.

    Raises:
        InputError: an own folder, or a server, without a sound index.
    """
    place = os.environ.get(ENTRIES) if folder is None else folder
    if is_url(place):
        found = {}
        for name, record in remote_index(str(place)).items():
            check_remote(name, record, str(place))
            found[name] = Entry(cache() / record["sha256"][:16], record, str(place))
        return found if folder is not None else found | shipped_entries(found)
    own = own_folder(folder)
    found = {} if own is None else {k: Entry(own / k, v) for k, v in own_index(own).items()}
    return found if folder is not None else found | shipped_entries(found)


def shipped_entries(taken: Mapping[str, Any]) -> dict[str, Entry]:
    """Return the entries of the package but those whose names are taken."""
    kept, source = shipped("checkpoints"), os.environ.get(SOURCE)
    return {k: Entry(kept / k, v, source) for k, v in read_index()["pretrained"].items() if k not in taken}


def check_remote(name: Any, record: Any, place: str) -> None:
    """Raise `InputError` for an entry of a server's index that is none."""
    try:
        check_entry(name, record)
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"folder {place} of entries has no index.json that can be read: {error}") from None


def own_index(folder: Path) -> dict[str, Any]:
    """Return what the index of a user's own folder says of its entries.

    Raises:
        InputError: no index, or a broken one.
    """
    path = folder / OWN_INDEX
    try:
        found = dict(fields.mapping(json.loads(read_small(path)), "index"))
        for name, entry in found.items():
            check_entry(name, entry)
            check_files(name, folder)
    except (OSError, ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise InputError(f"folder {folder} of entries has no {OWN_INDEX} that can be read: {reason}") from None
    return found


def check_files(name: str, folder: Path) -> None:
    """Look whether an entry's files lie where they seem to: those of others may be links to any file.

    Raises:
        ValueError: a file, or the entry's folder, is a link to a place outside of the folder of entries.
    """
    root, entry = folder.resolve(), folder / name
    for path in (entry, *(entry.iterdir() if entry.is_dir() else ())):
        if not path.resolve().is_relative_to(root):
            raise ValueError(f"{name}: {path.name} is a link out of the folder")


def check_entry(name: str, entry: Any) -> None:
    """Look at what an index says of an entry, whose name is a folder within that of the index.

    Raises:
        ValueError: a name that is no `<system>/<model>`.
        TypeError: a field of another type.
        KeyError: a field that is missing.
    """
    parts = name.split("/")
    if len(parts) != 2 or any(folder_name(part) != part for part in parts):
        raise ValueError(f"entry {name!r} is no <system>/<model> of letters, digits, dots and dashes")
    fields.mapping(entry, name)
    fields.text(entry["sha256"], f"{name}: sha256")
    fields.text(entry["quantity"], f"{name}: quantity")
    fields.number(entry["value"], f"{name}: value")
    if entry["error"] is not None:  # a value that carries no error bar
        fields.error(entry["error"], f"{name}: error")
    for key, kind in (("reference", fields.number), ("reference_error", fields.error), ("exact", fields.flag),
                      ("method", fields.text)):  # fmt: skip
        if entry.get(key) is not None:
            kind(entry[key], f"{name}: {key}")
    if entry.get("kl") is not None:
        if not isinstance(entry["kl"], list) or len(entry["kl"]) != 2:
            raise ValueError(f"{name}: kl must be a value with its error")
        fields.number(entry["kl"][0], f"{name}: kl")
        if entry["kl"][1] is not None:
            fields.error(entry["kl"][1], f"{name}: kl")


@lru_cache
def read_index() -> dict[str, Any]:
    """Return the index: `systems`, `models`, `samplers` with a sentence and arguments each, `configs`, `pretrained`."""
    index: dict[str, Any] = json.loads(INDEX.read_text(encoding="utf-8"))
    return index


def build_index() -> dict[str, Any]:
    """Return the index as the registries, configs and checkpoints are now; imports torch."""
    import physgen.models
    import physgen.samplers
    import physgen.systems

    families: dict[str, type[Registered]] = {
        "systems": physgen.systems.System,
        "models": physgen.models.Model,
        "samplers": physgen.samplers.Sampler,
    }
    index: dict[str, Any] = {name: describe(family.registry) for name, family in families.items()}
    configs = shipped("configs")
    found = sorted(p.relative_to(configs).as_posix() for p in configs.rglob("*.yaml"))
    index["configs"] = [name for name in found if not name.startswith("sweeps/")]  # those are W&B's
    index["pretrained"] = describe_entries(shipped("checkpoints"))
    return index


def write_index(folder: Path | None = None) -> Path:
    """Write the index of the package, or that of an own folder of entries, anew and return its path.

    Raises:
        InputError: an entry whose `result.json` is missing or broken.
    """
    path, content = (INDEX, build_index()) if folder is None else (folder / OWN_INDEX, describe_entries(folder))
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    read_index.cache_clear()
    return path


def describe_entries(checkpoints: Path) -> dict[str, Any]:
    """Return what the index says of every entry below a folder."""
    folders = sorted(p.parent for p in checkpoints.glob("*/*/weights.ckpt"))
    return {folder.relative_to(checkpoints).as_posix(): describe_entry(folder) for folder in folders}


def describe(registry: dict[str, type]) -> dict[str, Any]:
    """Return the first sentence and the arguments of every class of the package."""
    own = {k: v for k, v in sorted(registry.items()) if v.__module__.startswith("physgen.")}
    described = {}
    for name, kind in own.items():
        parameters = list(inspect.signature(kind).parameters.values())
        arguments = {
            p.name: None if p.default is p.empty else p.default for p in parameters if p.kind is not p.VAR_KEYWORD
        }
        sentence = " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].split())
        described[name] = {"doc": sentence, "arguments": json.loads(json.dumps(arguments))}
    return described


def describe_entry(folder: Path) -> dict[str, Any]:
    """Return checksum, size and headline of a pretrained entry."""
    from physgen.runs.result import Result  # loads torch, which reading the index must not

    weights, result = folder / "weights.ckpt", Result.read(folder / "result.json")
    headline, reference, kl = result.headline, result.reference, result.estimates.get("kl")
    return {
        "sha256": sha256(weights),
        "bytes": weights.stat().st_size,
        "model": result.provenance["model"],
        "system": result.provenance["system"],
        "quantity": result.quantity,
        "value": headline.value,
        "error": headline.known_error,
        "reference": reference and reference.value,
        "reference_error": reference and reference.error,
        "exact": reference is not None and reference.label == "exact",
        "method": reference and reference.label,
        "kl": kl and [kl.value, kl.known_error],
    }
