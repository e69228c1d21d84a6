"""Trainings with several seeds and every combination of some options, one after another, without an account."""

from __future__ import annotations

import itertools
import json
import re
import shlex
from pathlib import Path
from typing import Any

from physgen.cli.compare import show_by_system
from physgen.cli.words import option, options, taken
from physgen.core.errors import InputError, TrainingError, check, check_integer
from physgen.core.files import write_text
from physgen.runs.finished_runs import folder_run
from physgen.runs.folder import last_checkpoint, open_run_folder
from physgen.runs.result import Result

#: what a grid sets itself
OWN = ("--seed_everything", "--ckpt_path")
RECORD = "sweep.json"


def run_grid(
    seeds: str | None, over: list[str], place: str | None, rest: list[str], in_turn: bool = False
) -> list[Result]:
    """Train every combination of seeds and `over` with the other options of `fit`; show and return the results.

    Finished runs are kept. With `in_turn` each value of the first option starts from the weights of the value before,
    of the same seed and other values. A training that fails is said at the end, after the others.

    Raises:
        InputError: bad values, arguments that `fit` refuses, or a folder with another sweep; nothing is trained then.
        TrainingError: trainings that failed.
    """
    for name in OWN if seeds is not None else OWN[1:]:
        given = option(rest, name)
        check(given is None, name.removeprefix("--"), given, "left to sweep")
    axes = dict(axis(text, rest) for text in over)
    check(len(axes) == len(over), "over", [text.split("=")[0] for text in over], "different options")
    numbers = {} if seeds is None else seeds_of(seeds, rest)
    cells = combinations([*axes.values(), *([numbers] if numbers else [])])
    # imported after the lists are judged, since it loads torch and lightning
    from physgen.cli.training import ArgumentsOnly
    from physgen.cli.training import run as train
    from physgen.zoo.warm_start import weights_in_common

    for number, values in enumerate(axes.values()):
        models = [train(["fit", *rest, *own], ArgumentsOnly).model for own in values.values()]
        for last, (held, model) in zip(values, itertools.pairwise(models), strict=False):
            if in_turn and number == 0:
                weights_in_common(model, held, last)
    if not axes:
        train(["fit", *rest], ArgumentsOnly)
    before = started_from([*axes.values(), *([numbers] if numbers else [])]) if in_turn else {}
    opened = open_run_folder(place, "sweep", "grid")
    failed = []
    with opened.kept_if_used():
        remember(opened.path, rest)
        for number, (name, own) in enumerate(cells.items(), 1):
            folder = opened.path / name
            if (folder / "result.json").is_file():
                continue
            print(f"run {number} of {len(cells)}: {folder}")
            try:
                kept = from_weights(opened.path / before[name], rest) if name in before else rest
                train(["fit", *kept, *own, f"--run_folder={folder}"])
            except TrainingError as error:
                failed.append(f"{name}: {error}")
    paths = [opened.path / name for name in cells if (opened.path / name / "result.json").is_file()]
    runs = [folder_run(str(path), path) for path in paths]
    measured = {path.name: run.result.estimates for path, run in zip(paths, runs, strict=True)}
    remember(opened.path, rest, {k: {n: [e.value, e.known_error] for n, e in v.items()} for k, v in measured.items()})
    show_by_system(runs)
    shown = shlex.quote(str(opened.path))
    print(f"runs in {shown}; next: figures: python -m physgen compare {shown}/*/ --out comparison")
    if failed:
        raise TrainingError("; ".join(failed))
    return [run.result for run in runs]


def axis(text: str, rest: list[str]) -> tuple[str, dict[str, list[str]]]:
    """Return the option of `model.hidden=2,4,8` and, by name of a folder, the arguments that set each value.

    Raises:
        InputError: no such list, values that are alike, or an option that is given beside it.
    """
    name, _, listed = text.partition("=")
    name = name.removeprefix("--")
    values = [value.strip() for value in re.findall(r"(?:\[[^\]]*\]|[^,\[\]])+", listed)]
    if not re.fullmatch(r"\w+(\.\w+)*", name) or not all(values) or not values:
        raise InputError(f"over must be an option and its values such as model.hidden=2,4,8, got {text!r}")
    if options(rest, f"--{name}") or f"--{name}" in (*OWN, "--run_folder"):
        raise InputError(f"over sets {name} itself, it was also given or belongs to the sweep")
    short = name.rsplit(".", 1)[-1]
    names = [re.sub(r"[^\w.+-]+", "-", value).strip("-") for value in values]
    made = {f"{short}={part}": [f"--{name}={value}"] for part, value in zip(names, values, strict=True)}
    check(len(made) == len(values), f"over {name}", listed, "different values")
    return name, made


def seeds_of(text: str, rest: list[str]) -> dict[str, list[str]]:
    """Return, by name of a folder, the arguments of every seed of `1,2,3`; evaluations draw by the same seed.

    Raises:
        InputError: no different integers from 0 to 4294967295.
    """
    try:
        seeds = [int(part) for part in text.strip("[]").split(",")]
    except ValueError:
        raise InputError(f"seeds must be integers such as 1,2,3, got {text!r}") from None
    for seed in seeds:
        check_integer("seeds", seed, 0, 2**32 - 1)
    check(len(set(seeds)) == len(seeds), "seeds", text, "different integers")
    same = not options(rest, "--evaluation.seed")
    return {f"seed={s}": [f"--seed_everything={s}", *[f"--evaluation.seed={s}"] * same] for s in seeds}


def combinations(axes: list[dict[str, list[str]]]) -> dict[str, list[str]]:
    """Return the arguments of every combination of one entry of each axis, by the names of the entries."""
    cells = [list(zip(*combination, strict=True)) for combination in itertools.product(*(a.items() for a in axes))]
    return {"_".join(names): [text for own in arguments for text in own] for names, arguments in cells}


def started_from(axes: list[dict[str, list[str]]]) -> dict[str, str]:
    """Return, by name of a combination, the one with the value before on the first axis."""
    first, *others = axes
    rest = list(itertools.product(*others))
    pairs = itertools.product(itertools.pairwise(first), rest)
    return {"_".join((now, *names)): "_".join((last, *names)) for (last, now), names in pairs}


def from_weights(start: Path, rest: list[str]) -> list[str]:
    """Return the arguments of a training that starts from the weights of the run in `start`.

    Raises:
        TrainingError: that run did not end, or left no checkpoint.
    """
    if not (start / "result.json").is_file() or last_checkpoint(start) is None:
        raise TrainingError(f"{start.name} left no weights to start from")
    return [*taken(rest, "--warm_start")[1], f"--warm_start={start}"]


def remember(folder: Path, rest: list[str], measured: dict[str, Any] | None = None) -> None:
    """Keep the common options of the sweep in its folder, and what was measured: `[value, error]` by run and name.

    Raises:
        InputError: the folder holds a sweep with other options, whose finished runs would be taken for this one's.
    """
    path = folder / RECORD
    if path.is_file():
        try:
            held = json.loads(path.read_text(encoding="utf-8"))["options"]
        except (ValueError, KeyError, TypeError):
            raise InputError(f"run_folder {folder} holds another sweep; choose another folder") from None
        if held != rest:
            differing = " ".join([*(a for a in held if a not in rest), "there,", *(a for a in rest if a not in held)])
            raise InputError(f"run_folder {folder} holds a sweep with other options ({differing} here); choose another")
    write_text(path, json.dumps({"options": rest, "estimates": measured or {}}, indent=1) + "\n")
