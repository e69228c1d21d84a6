"""Arguments of `fit`, `test` and `predict` as a user wrote them, completed before the parser sees them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from physgen.cli.chosen_optimizer import check_named
from physgen.cli.extensions import class_paths, find_here
from physgen.cli.words import option, options
from physgen.core.errors import InputError, check
from physgen.core.paths import user_path
from physgen.core.recipe import known
from physgen.core.shipped import shipped
from physgen.data import Samples
from physgen.models import Model
from physgen.runs.checkpoint_file import of_a_newer_version, read_checkpoint
from physgen.runs.config_file import GROUPS, read_config
from physgen.samplers import Metropolis, Sampler
from physgen.systems import System
from physgen.zoo.entry_samples import EntrySamples
from physgen.zoo.pretrained import resolve

DEFAULT_CONFIG = "quantum-dot-2d-n2-omega1/rbm-symmetric.yaml"
#: options that name a YAML file
CONFIG = ("--config", "-c")


def complete(verb: str, argv: list[str]) -> list[str]:
    """Return the arguments of a verb with what they leave to be understood put first.

    A first word that is no option names what `test` and `predict` take: a pretrained entry, a checkpoint or a run
    folder. With `--ckpt_path` the model is that of the file; `fit` without model and config takes the default one.

    Raises:
        InputError: an unknown model, system or sampler, a checkpoint of another model than `--model`, or nothing to
            test.
    """
    if asks_help(argv):
        return argv
    argv = with_data(verb, with_shipped_configs(with_diffusion(verb, argv)))
    configs = options(argv, *CONFIG)
    alone = len(configs) == 1 and not options(argv, "--model.system", "--model.sampler", "--model")
    for path in configs:
        content = read_config(path, alone)
        check_classes(path, content)
    for group in GROUPS:
        held = option(argv, f"--{group}")
        if held is not None and group != "model":
            raise InputError(f"{group} takes its arguments one by one, as --{group}.NAME, got {held!r}")
    for family, name in (
        (Model, option(argv, "--model")),
        (System, option(argv, "--model.system")),
        (Sampler, option(argv, "--model.sampler")),
    ):
        if name is not None and re.fullmatch(r"\w+", name) and name != "null":
            family.lookup(name)
    if verb != "fit":
        model_options = [a for a in argv if a.startswith("--model")]
        if model_options:
            raise InputError(f"{verb} takes the model of its checkpoint, not {model_options[0]}")
        if argv and not argv[0].startswith("-"):
            argv = [f"--ckpt_path={resolve(argv[0])}", *argv[1:]]
    model, checkpoint = option(argv, "--model"), option(argv, "--ckpt_path")
    if checkpoint is not None:
        recipe = read_checkpoint(checkpoint)["physgen"]
        with of_a_newer_version(checkpoint, recipe):
            recipe = known(recipe_of(recipe), Model, "model")  # the parser would import what is named
            kind = Model.lookup(recipe["class_path"])
        if model is not None and model.rsplit(".", 1)[-1] != kind.__name__:
            raise InputError(f"model {model} does not match ckpt_path {checkpoint}, which holds a {kind.__name__}")
        return [f"--model={json.dumps(recipe)}", *argv]
    if verb != "fit":
        raise InputError(
            f"{verb} needs a pretrained name, a run folder or --ckpt_path; `list pretrained` shows the names"
        )
    if model is None and option(argv, *CONFIG) is None:
        argv = [f"--config={default_config()}", *argv]
    first = next((i for i, a in enumerate(argv) if a.startswith("--model.sampler.")), None)
    if first is not None and option(argv, "--model.sampler") is None:
        sampler = default_sampler(argv)
        if sampler is not None:
            argv.insert(first, f"--model.sampler={sampler}")  # its options mean the one that is there unasked
    return argv


def asks_help(argv: list[str]) -> bool:
    """Return whether the help of a class is asked for."""
    return any(a.endswith(".help") or ".help=" in a for a in argv)


def default_config() -> Path:
    """Return the config of `fit` without model and config."""
    return shipped("configs") / DEFAULT_CONFIG


def recipe_of(held: dict[str, Any]) -> dict[str, Any]:
    """Return class and arguments of what a checkpoint says of its model."""
    return {name: held[name] for name in ("class_path", "init_args")}


def check_classes(path: str, content: dict[str, Any]) -> None:
    """Look up the classes that a config names, and let those of callbacks and other parts of the trainer be found here.

    A config is a program in the trainer's part alone: what it names there is imported, from the current folder too.

    Raises:
        InputError: a class elsewhere that is not known, or a key with dots.
    """
    for key in content:
        check(isinstance(key, str) and "." not in key, f"config {path}: key", key, "one word, arguments nest")
    elsewhere = ("trainer", "data", "optimizer", "lr_scheduler")
    known({k: v for k, v in content.items() if k not in elsewhere}, name="config", exact=True)
    check_named(path, content)
    if content.get("data") is not None:
        known(content["data"], Samples, "data", exact=True)
    find_here(class_paths(content.get("trainer")))


def with_bridges(argv: list[str]) -> list[str]:
    """Return the arguments with `--anneal K` as `--evaluation.anneal K`."""
    return [f"--evaluation.anneal{a.removeprefix('--anneal')}" if a.split("=")[0] == "--anneal" else a for a in argv]


def with_diffusion(verb: str, argv: list[str]) -> list[str]:
    """Return the arguments with a bare `--dmc`, or any `--dmc.NAME`, as `--dmc.enabled=true`.

    Raises:
        InputError: the verb evaluates nothing.
    """
    asked = any(a == "--dmc" or a.startswith("--dmc.") for a in argv)
    if not asked:
        return argv
    if verb == "predict":
        raise InputError("dmc goes with test and fit, predict draws from the model alone")
    following = [*argv[1:], "-"]
    bare = [a == "--dmc" and after.startswith("-") for a, after in zip(argv, following, strict=True)]
    kept = [a for a, drop in zip(argv, bare, strict=True) if not drop]
    said = any(a.split("=", 1)[0] == "--dmc.enabled" for a in kept)
    return kept if said else [*kept, "--dmc.enabled=true"]


def with_data(verb: str, argv: list[str]) -> list[str]:
    """Return the arguments with the bare name of an npz file or an entry after `--data` as samples of it.

    Raises:
        InputError: the verb learns nothing, or a class of samples that is not known.
    """
    if verb != "fit":
        if any(a == "--data" or a.startswith(("--data=", "--data.")) for a in argv):
            raise InputError(f"data goes with fit, {verb} learns nothing")
        return argv
    made: list[str] = []
    rest = iter(argv)
    for word in rest:
        name, equals, value = word.partition("=")
        if name != "--data":
            made.append(word)
            continue
        value = value if equals else next(rest, "")
        if value.endswith(".npz") or user_path(value or ".", "data").is_file():
            made += ["--data=FileSamples", f"--data.file={value}"]
            continue
        if "/" in value:
            made += [f"--data={EntrySamples.__name__}", f"--data.entry={value}"]
            continue
        if re.fullmatch(r"\w+", value) and value != "null":
            Samples.lookup(value)
        made.append(f"--data={value}")
    return made


def with_shipped_configs(argv: list[str]) -> list[str]:
    """Return the arguments with names of shipped configs as their paths, where no such file lies here."""

    def found(path: str) -> str:
        place = user_path(path, "config")
        first, *rest = place.parts or ("",)
        if first not in ("configs", "checkpoints") or place.exists():
            return str(place)
        own = shipped(first).joinpath(*rest)
        return str(own) if own.is_file() else path

    completed = []
    for before, argument in zip(["", *argv], argv, strict=False):
        name, equals, value = argument.partition("=")
        if equals and name in CONFIG:
            argument = f"{name}={found(value)}"
        completed.append(found(argument) if before in CONFIG else argument)
    return completed


def default_sampler(argv: list[str]) -> str | None:
    """Return the sampler that the model takes without being told, None where a config names one or there is none."""
    models = [read_config(path).get("model") for path in options(argv, *CONFIG)]
    held = [m for m in models if isinstance(m, dict)]
    arguments = [m.get("init_args") or {} for m in held]
    if any(isinstance(a, dict) and a.get("sampler") is not None for a in arguments):
        return None
    name = option(argv, "--model") or next((m["class_path"] for m in held if "class_path" in m), "")
    kind = Model.registry.get(str(name).rsplit(".", 1)[-1])
    return getattr(kind, "default_sampler", Metropolis).__name__
