"""Options of `fit`, `test` and `predict`: their order, and what was meant by those that nothing takes."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from physgen.cli.words import OPTION, items, name_of, option
from physgen.core.errors import InputError
from physgen.core.near import not_known
from physgen.core.registry import Registered
from physgen.models import Model, WavefunctionModel
from physgen.runs.config_file import GROUPS, read_config
from physgen.samplers import Sampler
from physgen.systems import System

CONFIG = ("--config", "-c")
#: arguments of a model that are objects of a family of their own
FAMILIES: dict[str, type[Registered]] = {"system": System, "sampler": Sampler, "data": Sampler}


def ordered(argv: list[str], group: str = "--model") -> list[str]:
    """Return the arguments with configs first, then the classes of `group`, outer ones before those in them.

    What stands on the command line then wins over a config, and options mean the class that is named, wherever they
    stand. Words before the first option stay in front.
    """
    if "--" in argv:
        return argv
    held = items(argv)
    names = [name_of(item) for item in held]

    def rank(place: int) -> int:
        name = names[place]
        if not any(OPTION.match(before) for before in names[: place + 1]):
            return -1
        if name in CONFIG:
            return 0
        inside = name == group or name.startswith(f"{group}.")
        plain = name.removesuffix(".class_path").removesuffix(".init_args")
        holds = any(other.startswith(f"{plain}.") and other != name for other in names)
        if inside and (name == group or holds or name.endswith(".class_path")):
            return 1 + name.replace(".init_args", "").count(".")
        return 100

    return [word for place in sorted(range(len(held)), key=rank) for word in held[place]]


def parameters(kind: type) -> set[str]:
    """Return the names of the arguments of a class, also of those that it hands on."""
    found: set[str] = set()
    for base in kind.__mro__:
        init = base.__dict__.get("__init__")
        if init is None or base is object:
            continue
        held = list(inspect.signature(init).parameters.values())[1:]
        found |= {p.name for p in held if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
        if not any(p.kind is p.VAR_KEYWORD for p in held):
            break
    return found


class ModelOptions:
    """Names of the options of the model that a command line and its configs build, and of its system and samplers.

    Args:
        argv: arguments.
        default: config that is taken where they name neither a config nor a model.
    """

    def __init__(self, argv: list[str], default: str | Path) -> None:
        held = items(argv)
        self.given = {name_of(item): item[0].partition("=")[2] if "=" in item[0] else item[-1] for item in held}
        paths = [self.given[name] for name in CONFIG if name in self.given]
        held_elsewhere = "--ckpt_path" in self.given
        self.alone = not paths and "--model" in self.given and not held_elsewhere
        self.model: dict[str, Any] = {}
        for path in paths or ([] if self.alone or held_elsewhere else [str(default)]):
            self.model = spec(read_config(path).get("model")) or self.model

    def kind(self, part: str) -> type | None:
        """Return the class of the model (`part` empty), or of its argument `part`, None where none is known."""
        family, name = FAMILIES.get(part, Model), f"--model.{part}".rstrip(".")
        said = self.given.get(name) or self.given.get(f"{name}.class_path")
        held = spec(said) if said is not None else self.model if not part else spec(inner(self.model, part))
        kind = family.registry.get(str(held.get("class_path", "")).rsplit(".", 1)[-1]) if held else None
        if kind is None and part == "sampler" and (model := self.kind("")) is not None:
            kind = getattr(model, "default_sampler", None)
        return kind

    def names(self) -> set[str]:
        """Return the names, without dashes, of all options below `model`."""
        model = self.kind("")
        if model is None:
            return set()
        found = {f"model.{name}" for name in parameters(model)}
        for part in FAMILIES:
            kind = self.kind(part)
            if f"model.{part}" in found and kind is not None:
                found |= {f"model.{part}.{name}" for name in parameters(kind)}
        return found

    def takes(self, name: str) -> bool:
        """Return whether there is an option `name` below `model`, or nothing here knows better than the parser."""
        first, _, rest = name.partition(".")
        kind = self.kind("")
        if kind is None or first == "class_path":
            return True
        if first not in parameters(kind):
            return False
        part = self.kind(first) if first in FAMILIES and rest else None
        return part is None or rest == "class_path" or rest.split(".")[0] in parameters(part)

    def check_system(self) -> None:
        """Raise `InputError` where a model of the package is named without a system."""
        kind, option = self.kind(""), "--model.system"
        named = any(name in self.given for name in (option, f"{option}.class_path", "--model.init_args.system"))
        if self.alone and kind is not None and not named and "{" not in self.given["--model"]:
            such = "QuantumDot" if issubclass(kind, WavefunctionModel) else "ClassicalDot"
            raise InputError(f"system must be given with --model {kind.__name__}, such as {option} {such}")


def spec(value: Any) -> dict[str, Any]:
    """Return a class and its arguments, from a name, JSON or a mapping; nothing from anything else."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = json.loads(value)
        except ValueError:
            return {}
    if isinstance(value, str):
        return {"class_path": value}
    return value if isinstance(value, dict) else {}


def inner(model: dict[str, Any], part: str) -> Any:
    """Return the argument `part` of a model's specification."""
    arguments = model.get("init_args")
    return arguments.get(part) if isinstance(arguments, dict) else None


def check_options(argv: list[str], known: Iterable[str], default: str | Path | None) -> None:
    """Raise `InputError` for an option that nothing takes, with the one that was meant if one is near.

    Args:
        argv: arguments.
        known: options of the parser, with dashes.
        default: config of the default model; None for verbs that take no options of a model.
    """
    plain = plain_names(known) - set(GROUPS)
    model = None if default is None else ModelOptions(argv, default)
    if model is not None:
        model.check_system()

    def takes(name: str) -> bool:
        if name.startswith("model."):
            return model is None or model.takes(name.removeprefix("model."))
        # what lies in a callback or a strategy the parser knows
        return name in GROUPS or any(name.startswith(f"{other}.") for other in plain)

    refuse_unknown(argv, plain, takes, set() if model is None else model.names() | {"model"})


def check_class_options(argv: list[str], known: Iterable[str], group: str, family: type[Registered]) -> None:
    """Raise `InputError` for an option that neither the parser nor the class takes that `--group` names.

    Args:
        argv: arguments.
        known: options of the parser, with dashes.
        group: name of the option that names the class.
        family: what the class belongs to.
    """
    kind = family.registry.get(str(spec(option(argv, f"--{group}")).get("class_path", "")).rsplit(".", 1)[-1])
    own = {f"{group}.{name}" for name in ("class_path", *parameters(kind))} if kind else set()
    refuse_unknown(argv, plain_names(known), lambda name: not own and name.startswith(f"{group}.") or name in own, own)


def plain_names(known: Iterable[str]) -> set[str]:
    """Return the long options of a parser without dashes."""
    return {name.lstrip("-") for name in known if name.startswith("--")}


def refuse_unknown(argv: list[str], plain: set[str], takes: Callable[[str], bool], inner: set[str]) -> None:
    """Raise `InputError` for the first option that is neither in `plain` nor taken, with a near one of these."""
    for item in items(argv):
        word = name_of(item)
        name = word.removeprefix("--").removesuffix("+").replace(".init_args", "")
        if word.startswith("--") and word != "--" and name not in plain and not takes(name):
            raise InputError(not_known(word, plain | inner))
