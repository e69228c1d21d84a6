"""The committed index of everything that has a name; read without torch."""

from __future__ import annotations

import hashlib
import inspect
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from physgen.paths import shipped

INDEX = Path(__file__).with_name("index.json")


@lru_cache
def read_index() -> dict[str, Any]:
    """Return the index: `systems`, `models`, `samplers` with a sentence and arguments each, `configs`, `pretrained`."""
    return json.loads(INDEX.read_text(encoding="utf-8"))


def build_index() -> dict[str, Any]:
    """Return the index as the registries, configs and checkpoints are now; imports torch."""
    import physgen.models
    import physgen.samplers
    import physgen.systems

    families = {
        "systems": physgen.systems.System,
        "models": physgen.models.Model,
        "samplers": physgen.samplers.Sampler,
    }
    index: dict[str, Any] = {name: describe(family.registry) for name, family in families.items()}
    configs = shipped("configs")
    found = sorted(p.relative_to(configs).as_posix() for p in configs.rglob("*.yaml"))
    index["configs"] = [name for name in found if not name.startswith("sweeps/")]  # those are W&B's
    checkpoints = shipped("checkpoints")
    index["pretrained"] = {
        folder.relative_to(checkpoints).as_posix(): describe_entry(folder)
        for folder in sorted(p.parent for p in checkpoints.glob("*/*/weights.ckpt"))
    }
    return index


def write_index() -> Path:
    """Write the index file anew and return its path."""
    INDEX.write_text(json.dumps(build_index(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    read_index.cache_clear()
    return INDEX


def describe(registry: dict[str, type]) -> dict[str, Any]:
    """Return the first sentence and the arguments of every class of the package."""
    own = {k: v for k, v in sorted(registry.items()) if v.__module__.startswith("physgen.")}
    described = {}
    for name, kind in own.items():
        parameters = list(inspect.signature(kind.__init__).parameters.values())[1:]
        arguments = {
            p.name: None if p.default is p.empty else p.default for p in parameters if p.kind is not p.VAR_KEYWORD
        }
        sentence = " ".join(inspect.getdoc(kind).split("\n\n")[0].split())
        described[name] = {"doc": sentence, "arguments": json.loads(json.dumps(arguments))}
    return described


def describe_entry(folder: Path) -> dict[str, Any]:
    """Return checksum, size and headline of a pretrained entry."""
    weights = folder / "weights.ckpt"
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    headline = result["estimates"][result["quantity"]]
    reference = result["reference"] or {}
    return {
        "sha256": sha256(weights),
        "bytes": weights.stat().st_size,
        "model": result["provenance"]["model"],
        "system": result["provenance"]["system"],
        "quantity": result["quantity"],
        "value": headline["value"],
        "error": headline["error"],
        "reference": reference.get("value"),
        "reference_error": reference.get("error"),
        "exact": reference.get("exact", False),
    }


def sha256(path: Path) -> str:
    """Return the checksum of a file in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
