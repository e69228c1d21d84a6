"""Options of `fit`, `test` and `predict` that the verb, or another option, leaves without an effect."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from typing import Any

import torch

from physgen.cli.parser import WANDB
from physgen.core.errors import InputError, check
from physgen.runs.folder import OUTSIDE

#: strategies whose ranks are processes that run the same command
STRATEGIES = ("auto", "ddp", "ddp_find_unused_parameters_true", "ddp_find_unused_parameters_false")
GUARD = tuple(f"guard.{name}" for name in ("sigmas", "memory", "every", "limit"))
#: what only a training asks for
TRAINING = (
    *(f"trainer.{limit}_{unit}" for limit in ("min", "max") for unit in ("epochs", "steps")),
    *("trainer.max_time", "trainer.limit_train_batches", "trainer.log_every_n_steps", "trainer.detect_anomaly"),
    *("optimizer", "lr_scheduler", "trainer.logger", "orthogonal_to", "overlap_penalty"),
    *("trainer.accumulate_grad_batches", "trainer.gradient_clip_val", "trainer.gradient_clip_algorithm"),
    *GUARD,
)
EVALUATED = "an evaluation is in float64"
SEEDED = "its draws are those of evaluation.seed"
#: options without an effect by verb, and why
UNUSED: dict[str, dict[str, str]] = {
    "fit": {
        **dict.fromkeys(("trainer.limit_predict_batches", "output"), "it draws nothing into a file"),
        "at": "it trains all members of a family",
    },
    "test": {
        "output": "it draws nothing into a file",
        **dict.fromkeys(TRAINING, "it trains nothing"),
        "trainer.limit_predict_batches": "it draws nothing into a file",
        "trainer.precision": EVALUATED,
        "seed_everything": SEEDED,
    },
    "predict": {
        **dict.fromkeys(TRAINING, "it trains nothing"),
        **dict.fromkeys(("trainer.limit_test_batches", "evaluation.repeats"), "it evaluates nothing"),
        **dict.fromkeys(("evaluation.until_error", "evaluation.max_samples"), "it evaluates nothing"),
        "trainer.precision": "draws are in float64",
        "seed_everything": SEEDED,
    },
}


def refuse_unused(verb: str, given: Any, default: Callable[[str], Any]) -> None:
    """Raise `InputError`, which names the option, for one that was changed and has no effect.

    Args:
        verb: `fit`, `test` or `predict`.
        given: all options, by their dotted names.
        default: returns the default of an option.
    """
    for name, reason in UNUSED[verb].items():
        value = given.get(name)
        if value is not None and value != default(name):
            raise InputError(f"{name} has no effect on {verb}, {reason}; got {value}")
    if given.get("orthogonal_to") is None and given.get("overlap_penalty") != default("overlap_penalty"):
        raise InputError(f"overlap_penalty has no effect without orthogonal_to; got {given.get('overlap_penalty')}")
    if verb != "fit" and given.get("wandb") in ("online", "offline"):
        raise InputError(f"wandb has no effect on {verb}, which W&B does not record; got {given.get('wandb')}")
    if given.get("figure_format") != "png" and (verb == "predict" or not given.get("figures")):
        raise InputError(f"figure_format has no effect without figures; got {given.get('figure_format')}")
    for name in WANDB:
        if given.get(name) is not None and (verb != "fit" or given.get("wandb") == "off"):
            where = f"on {verb}, which W&B does not record" if verb != "fit" else "with wandb off"
            raise InputError(f"{name} has no effect {where}; got {given.get(name)}")
    if not given.get("dmc.enabled"):
        for name, value in given.get("dmc").items():
            if value != default(f"dmc.{name}"):
                raise InputError(f"dmc.{name} has no effect with dmc.enabled false")
    strategy = given.get("trainer.strategy")
    check(not isinstance(strategy, str) or strategy in STRATEGIES, "trainer.strategy", strategy, ", ".join(STRATEGIES))
    for name in ("trainer.limit_test_batches", "trainer.limit_predict_batches"):
        value = given.get(name)
        check(value is None or value > 0, name, value, "above 0, or there is no result")


def random_seed() -> int:
    """Return a seed that nobody chose, one for all ranks that this process starts.

    Raises:
        InputError: the ranks are started from outside, so that each would take another one.
    """
    inherited = os.environ.get("PL_GLOBAL_SEED") if int(os.environ.get("LOCAL_RANK") or 0) else None
    if inherited is not None:
        return int(inherited)
    outside = any(int(os.environ.get(name) or 1) > 1 for name in OUTSIDE)
    check(not outside, "seed_everything", True, "an integer where torchrun or SLURM start the ranks")
    return secrets.randbelow(2**32)


def seed_of(option: int | bool) -> int:
    """Return the seed that the draws of a run come from: where none was set, the one that torch has."""
    return torch.initial_seed() if option is False else int(option)
