"""Malformed command lines and configs.

python -m benchmarks malformed [CASES] [SEED]

A third of the cases is wrong by construction, in configs and options of `fit` and in words of the other verbs: each
must end with exit code 2 and one line that names the argument. The others are sound calls of every verb that were
spoiled at random (see `mutations`), some of which are still sound: no traceback, exit code 2 and a few lines, or 0.
Cases are drawn by a seeded generator and run in one process.
"""

from __future__ import annotations

import contextlib
import copy
import io
import itertools
import os
import random
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.checks.mutations import answer, spoiled
from benchmarks.places import RESULTS

OUT = RESULTS / "malformed.txt"

# without a word on what is short: nothing of this may be trained for long where a case is let through
SHORT = {
    "seed_everything": 1,
    "trainer": {"max_epochs": 1, "accelerator": "cpu", "enable_progress_bar": False},
    "evaluation": {"samples": 20, "batch": 10, "warm_up": 1},
    "guard": {"sigmas": 50.0, "limit": 10},
    "wandb": "off",
    "figures": False,
}
RBM = {
    "class_path": "GaussianBinaryRBM",
    "init_args": {
        "system": {"class_path": "QuantumDot", "init_args": {"n": 2, "dim": 2, "omega": 1.0, "coupling": 1.0}},
        "sampler": {"class_path": "Metropolis", "init_args": {"walkers": 4, "steps": 1, "warm_up_steps": 1}},
        "hidden": 2,
        "form": "marginal",
        "jastrow": False,
        "optimizer": "sr",
        "learning_rate": 0.05,
        "decay": 100.0,
        "damping": 0.001,
        "momentum": 0.9,
        "clip": 5.0,
        "steps_per_epoch": 1,
    },
}
FLOW = {
    "class_path": "MLPFlow",
    "init_args": {
        "system": {"class_path": "ClassicalDot", "init_args": {"n": 2, "dim": 2, "beta": 2.0, "coupling": 1.0}},
        "hidden": [8, 8],
        "activation": "tanh",
        "starts": 2,
        "batch_size": 4,
        "gradient": "path",
        "learning_rate": 0.001,
        "anneal_from": 0.5,
        "anneal_fraction": 0.5,
        "steps_per_epoch": 1,
    },
}
#: wrong values by what an option takes, beside those that are wrong for every option
WRONG: dict[str, list[Any]] = {
    "count": [0, -1, -(10**18), 1.5, 1e-3, "many", ".nan", ".inf", "3x", True, [3], {"a": 1}, "0x", "1e3"],
    "positive": [0, -1.0, -1e300, ".nan", ".inf", "-.inf", "wide", [1.0], {"value": 1.0}, "1.0.0", "1e400", "--"],
    "fraction": [1.5, -0.1, 1e300, ".nan", ".inf", "half", [0.5], {"a": 0.5}],
    "flag": ["maybe", 7, -1.5, [True], {"on": True}, "truee"],
    "choice": ["nothing-such", 17, -0.5, ["sr"], {"a": "sr"}, "SR ", "tanhh"],
    "widths": ["wide", 0.5, [0, 8], [8, -8], [8, "x"], [8.5, 8], [[8]], {"a": 8}, [1, 8], [".nan"]],
    "class": ["NoSuchThing", "os.system", "builtins.eval", "subprocess.Popen", "torch.nn.Linear", "no.such.Class",
              "physgen.models.Nope", 5, [1], {"class_path": "os.system"}, {"class_path": "builtins.exec"},
              {"class_path": ["os", "system"]}, "physgen.core.errors.InputError", "lightning.LightningModule"],
    "group": [5, "text", [1, 2], 0.5, True],
    "epochs": [-5, "many", 1.5, [1], {"a": 1}],
    "mode": ["sometimes", 3.5, [1], {"mode": "off"}],
}  # fmt: skip
#: what the options of the two base configs take
OPTIONS: dict[str, str] = {
    "seed_everything": "epochs",
    "trainer": "group",
    "trainer.max_epochs": "epochs",
    "trainer.enable_progress_bar": "flag",
    "evaluation": "group",
    "evaluation.samples": "count",
    "evaluation.batch": "count",
    "evaluation.thin": "count",
    "evaluation.seed": "epochs",
    "evaluation.until_error": "positive",
    "guard": "group",
    "guard.sigmas": "positive",
    "guard.limit": "count",
    "guard.every": "count",
    "wandb": "mode",
    "figures": "flag",
    "model": "class",
    "model.system": "class",
    "model.system.n": "count",
    "model.system.dim": "count",
    "model.system.coupling": "fraction",
    "model.learning_rate": "positive",
    "model.steps_per_epoch": "count",
}
RBM_OPTIONS = {
    "model.sampler": "class",
    "model.sampler.walkers": "count",
    "model.sampler.steps": "count",
    "model.sampler.target_acceptance": "fraction",
    "model.system.omega": "positive",
    "model.hidden": "count",
    "model.form": "choice",
    "model.jastrow": "flag",
    "model.optimizer": "choice",
    "model.decay": "positive",
    "model.damping": "positive",
    "model.momentum": "fraction",
    "model.norm_limit": "positive",
    "model.clip": "positive",
}
FLOW_OPTIONS = {
    "model.system.beta": "positive",
    "model.hidden": "widths",
    "model.activation": "choice",
    "model.starts": "count",
    "model.batch_size": "count",
    "model.gradient": "choice",
    "model.clip_norm": "positive",
    "model.anneal_from": "fraction",
    "model.anneal_fraction": "fraction",
}
#: values of the kind that an option takes after all
ALLOWED = {"model.system.coupling": [1.5, 1e300], "seed_everything": [True]}
BROKEN = [
    "model: [",
    "trainer: {max_epochs: 1",
    'wandb: "off',
    "\ttrainer: 1",
    "a: b: c",
    "model: *nowhere",
    "@",
    "- 1\n- 2",
    "just words",
    "42",
    "trainer: !!python/object/apply:os.system ['true']",
    "\x00\x01",
    "? [",
    "%YAML 9",
    "model: !x",
]
COMMANDS = [
    (["test"], "test"), (["predict"], "predict"), (["test", "no/such-entry"], "no/such-entry"), (["fitt"], "fitt"),
    (["predict", "no/such-entry"], "no/such-entry"), (["list", "--everything"], "--everything"),
    (["publish"], "publish"),
    (["list", "nothing-matches-this"], "nothing-matches-this"), (["publish", "a", "b/c", "d"], "publish"),
    (["publish", "{dir}/nowhere"], "nowhere"), (["list", "systems", "a", "b"], "list"),
    (["--model", "MLPFlow"], "--model"),
    (["test", "{dir}"], "{dir}"), (["test", "--ckpt_path", "{dir}/missing.ckpt"], "missing.ckpt"),
    (["test", "--ckpt_path"], "ckpt_path"), (["fit", "--config", "{dir}/missing.yaml"], "missing.yaml"),
    (["fit", "--config", "{dir}"], "{dir}"), (["fit", "--config"], "config"), (["fit", "--model"], "model"),
    (["fit", "--ckpt_path", "{dir}/text.ckpt"], "text.ckpt"), (["fit", "--model", "MLPFlow"], "system"),
    (["fit", "--model", "GaussianBinaryRBM"], "system"), (["test", "{dir}/text.ckpt"], "text.ckpt"),
    (["fit", "{dir}/missing.yaml"], "missing.yaml"), (["fit", "--run_folder", "{dir}/text.ckpt"], "run_folder"),
    (["fit", "--run_folder", "{dir}/text.ckpt/below"], "run_folder"), (["test", "x", "--model.hidden", "3"], "model"),
    (["fit", "--trainer.precision", "12"], "precision"), (["fit", "--trainer.accelerator", "abacus"], "accelerator"),
    (["fit", "--trainer.devices", "0"], "devices"), (["fit", "--trainer.strategy", "wishful"], "strategy"),
    (["fit", "--trainer.limit_test_batches", "2.5"], "limit_test_batches"), (["index", "now"], "now"),
    (["fit", "--trainer.log_every_n_steps", "-3"], "log_every_n_steps"), (["fit", "--model.system.n_up", "5"], "n_up"),
    (["fit", "--trainer.callbacks", "os.system"], "callbacks"), (["fit", "--trainer.logger", "os.system"], "logger"),
    (["fit", "--evaluation.samples", "5", "--evaluation.batch", "10"], "evaluation.samples"), (["--", "fit"], "--"),
    (["fit", "--model.sampler", "Gibbs"], "sampler"), (["fit", "--model.system", "ClassicalDot"], "system"),
    (["fit", "--model.sampler.walkers", "1"], "walkers"), (["fit", "--trainer.max_epochs"], "max_epochs"),
    (["fit", "--evaluation.until_error", "0.1", "--evaluation.max_samples", "10"], "max_samples"), ([""], "verb"),
    (["fit", "--trainer.gradient_clip_val", "1.0"], "gradient_clip_val"), (["fit", "fit"], "fit"),
]  # fmt: skip


@dataclass
class Case:
    """One malformed call: its arguments and the word that the error must hold."""

    argv: list[str]
    named: str


def cases(count: int, seed: int, folder: Path) -> Iterator[Case]:
    """Yield `count` malformed calls; configs and other files that they need are written into `folder`."""
    draw = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "text.ckpt").write_text("no checkpoint")
    commands = copy.deepcopy(COMMANDS)
    draw.shuffle(commands)
    for index in range(count):
        where = folder / f"{index:03d}.yaml"
        kind = draw.choices(("value", "key", "text", "command"), (6, 2, 1, 1.5))[0]
        if kind == "command":
            argv, named = commands[index % len(commands)]
            argv, named = [a.format(dir=folder) for a in argv], named.format(dir=folder)
            if argv and argv[0] == "fit":  # short, should one be let through
                argv = [*argv[:1], "--wandb=off", "--figures=false", *argv[1:]]
            yield Case(argv, named)
        elif kind == "text":
            broken = draw.choice(BROKEN)
            where.write_text(broken if draw.random() < 0.5 else f"{text(whole(RBM), folder)}\n{broken}\n")
            yield Case(["fit", "--config", str(where)], where.name)
        else:
            yield (wrong_value if kind == "value" else unknown_key)(draw, where)


def wrong_value(draw: random.Random, where: Path) -> Case:
    """Return a call with one wrong value, in a config or on the command line."""
    base, options = draw.choice([(RBM, OPTIONS | RBM_OPTIONS), (FLOW, OPTIONS | FLOW_OPTIONS)])
    name = draw.choice(sorted(options))
    value = draw.choice([w for w in WRONG[options[name]] if w not in ALLOWED.get(name, [])])
    config, option = whole(base), name.split(".")
    named = next(w for w in reversed(option) if w != "init_args")
    if draw.random() < 0.5:
        parent = inner(config, option[:-1])
        if options[name] == "class" and not isinstance(value, dict) and draw.random() < 0.7:
            value = {**(parent[option[-1]]), "class_path": value}
        parent[option[-1]] = value
        where.write_text(text(config, where.parent))
        return Case(["fit", "--config", str(where)], named)
    where.write_text(text(config, where.parent))
    word = (
        value
        if isinstance(value, str)
        else yaml.safe_dump(value, default_flow_style=True).removesuffix("...\n").strip()
    )
    return Case(["fit", "--config", str(where), f"--{name}={word}"], named)


def unknown_key(draw: random.Random, where: Path) -> Case:
    """Return a call with an argument that nothing takes."""
    config = whole(draw.choice([RBM, FLOW]))
    group = draw.choice(["", "trainer", "evaluation", "guard", "model", "model.system"]).split(".")
    group = [g for g in group if g]
    known = sorted(k for k in inner(config, group) if isinstance(k, str))
    word = draw.choice(known)
    key = draw.choice([word + "s_", word[1:] + word[0] + "_", f"{word}.{word}_", "zz_" + word, word.upper() + "_"])
    where.write_text(text(config, where.parent))
    value = draw.choice(["1", "x", "null", "[1, 2]", "{a: 1}", "nan"])
    if draw.random() < 0.5 or "." in key:
        return Case(["fit", "--config", str(where), f"--{'.'.join([*group, key])}={value}"], key.split(".")[0])
    inner(config, group)[key] = yaml.safe_load(value)
    where.write_text(text(config, where.parent))
    return Case(["fit", "--config", str(where)], key)


def whole(model: dict[str, Any]) -> dict[str, Any]:
    """Return a complete, short config of `model`."""
    return copy.deepcopy({**SHORT, "model": model})


def inner(config: dict[str, Any], path: list[str]) -> dict[str, Any]:
    """Return the arguments under `path`, through `init_args`."""
    for part in path:
        config = config[part]
        config = config.get("init_args", config)
    return config


def text(config: dict[str, Any], folder: Path) -> str:
    """Return a config as YAML, `.nan` and its like as numbers, its run folder in `folder`."""
    dumped = yaml.safe_dump({"run_folder": str(folder / "run"), **config}, sort_keys=False)
    for number in ("-.inf", ".inf", ".nan"):
        dumped = dumped.replace(f"'{number}'", number)
    return dumped


def judge(case: Case) -> str | None:
    """Run one case in this process; return what is wrong with the answer, None if nothing is."""
    from physgen.cli import main

    errors = io.StringIO()
    try:
        with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
            main(case.argv)
    except SystemExit as end:
        code = end.code
    except BaseException as error:
        return f"traceback {type(error).__name__}: {error}"
    else:
        return "no error"
    said = errors.getvalue()
    if "Traceback" in said:
        return f"traceback {said[-300:]}"
    if code != 2:
        return f"exit code {code}: {said}"
    lines = said.strip().splitlines()
    if len(lines) != 1:
        return f"{len(lines)} lines: {said}"
    return (
        None
        if re.search(rf"(?<!\w){re.escape(case.named)}(?!\w)", lines[0])
        else f"{case.named!r} is not named: {lines[0]}"
    )


def main(count: int = 1000, seed: int = 1) -> int:
    """Run `count` cases, keep and print what went wrong; return how many did."""
    start, wrong, lines = time.perf_counter(), Counter(), []
    built = count // 3
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        os.environ.update(PHYSGEN_CACHE=f"{name}/cache", WANDB_MODE="offline", WANDB_SILENT="true")
        good = text(whole(RBM), Path(name) / "good")
        judged: Iterator[tuple[list[str], str | None]] = itertools.chain(
            ((case.argv, judge(case)) for case in cases(built, seed, Path(name) / "configs")),
            ((case.argv, answer(case)) for case in spoiled(count - built, seed, Path(name) / "spoiled", good)),
        )
        for argv, fault in judged:
            if fault is not None:
                wrong[fault.split(" ", 1)[0]] += 1
                lines.append(f"WRONG {' '.join(argv)[:400]!r}\n      {fault}")
                print(lines[-1], flush=True)
    failed = sum(wrong.values())
    lines.append(
        f"{count} malformed calls (seed {seed}): {wrong['traceback']} tracebacks, {wrong['hang']} hangs, "
        f"{failed} wrong ({built} by construction, {count - built} at random), {time.perf_counter() - start:.0f} s"
    )
    print(lines[-1])
    OUT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return failed
