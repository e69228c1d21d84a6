"""A pretrained entry measured anew, beside the value that it was published with."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from physgen.core.errors import InputError
from physgen.models import WavefunctionModel
from physgen.runs.config_file import read_config
from physgen.runs.evaluation import Evaluation
from physgen.runs.result import Estimate, Result
from physgen.stats import deviation
from physgen.zoo.index import Entry, entries
from physgen.zoo.pretrained import load_pretrained

#: combined standard errors that the new value may lie from the stored one
LIMIT = 4.0
#: first of the seeds of evaluations that verify; generators look at the last 32 bits, so it lies below 2^32
FRESH_SEEDS = 1_000_000_000
#: part of the CPU time that fresh walkers may warm up for, and the fewest of them
WARM_UP_SHARE, FEWEST_WALKERS = 0.3, 50
#: batches that are measured in any case
FEWEST_BATCHES = 5


@dataclass(frozen=True)
class Verified:
    """What a fresh evaluation of an entry found.

    Args:
        name: the entry.
        value: headline of the fresh evaluation, None where there was none.
        stored: headline of `result.json`.
        samples: configurations that were measured, of `stored_samples` then.
        cpu_seconds: what it took.
        broken: why the entry could not be measured, if so.
        largest: largest deviation of a local energy in standard deviations, 0 where it is not known.
    """

    name: str
    value: Estimate | None = None
    stored: Estimate | None = None
    samples: int = 0
    stored_samples: int = 0
    cpu_seconds: float = 0.0
    broken: str = ""
    largest: float = 0.0

    @property
    def both(self) -> tuple[Estimate, Estimate]:
        """The new value and the stored one, of an entry that was measured."""
        assert self.value is not None and self.stored is not None
        return self.value, self.stored

    @property
    def sigma(self) -> float:
        """Combined standard errors from the stored to the new value; rounding of an exact value counts as none.

        NaN where one of them carries no error bar.
        """
        new, old = self.both
        if abs(new.value - old.value) <= 1e-9 * abs(old.value):
            return 0.0
        return deviation(new.value, new.error, old.value, old.error)

    @property
    def without_error(self) -> bool:
        """Whether one of the values carries no error bar, so that they cannot be judged."""
        return self.value is not None and None in [estimate.known_error for estimate in self.both]

    @property
    def failure(self) -> str:
        """Why the entry fails, in one line; empty where it passes."""
        if self.broken:
            return self.broken
        fresh = self.both[0].value
        if not math.isfinite(fresh):
            return f"{self.name}: the fresh value is {fresh}"
        if abs(self.sigma) <= LIMIT or self.without_error:
            return ""
        return f"{self.name}: {self.value} differs from the stored {self.stored} by {self.sigma:+.1f} sigma"


def verify(
    name: str,
    seed: int,
    seconds: float = 20.0,
    folder: str | Path | None = None,
    watch: Callable[[float], None] = lambda share: None,
) -> Verified:
    """Measure the headline of entry `name` with fresh draws, as many as then or as fit into a time.

    Warm-up, moves between measurements and walkers are those of the entry's own evaluation; walkers are fewer where
    their warm-up alone would take too long.

    Args:
        name: the entry.
        seed: of the draws, which are those of `evaluation.seed` 10^9 + seed, so never those of the stored evaluation.
        seconds: CPU time of the measurement.
        folder: own folder of entries.
        watch: told now and then which part is done.

    Raises:
        InputError: an unknown name or broken files.
    """
    start = time.process_time()
    model = load_pretrained(name, folder=folder)
    entry = entries(folder)[name]
    result = Result.read(entry.folder / "result.json")
    evaluation = dataclasses.replace(stored_evaluation(entry, result), seed=FRESH_SEEDS + seed)
    if isinstance(model, WavefunctionModel):
        evaluation = shortened(model, evaluation, seconds)

    def goes_on(done: int) -> bool:
        spent = (time.process_time() - start) / seconds
        watch(min(1.0, max(spent, done / evaluation.steps)))
        return spent < 1 or done < FEWEST_BATCHES

    found = model.evaluate(evaluation, goes_on)
    name_of = judged_by(found, result)
    return Verified(
        name,
        found.estimates[name_of],
        result.estimates[name_of],
        int(found.diagnostics.get("samples", 0)),
        int(result.diagnostics.get("samples", 0)),
        time.process_time() - start,
        largest=found.diagnostics.get("tail_largest", 0.0),
    )


def judged_by(found: Result, stored: Result) -> str:
    """Return the quantity that is compared: the headline, or its reweighted value where only that has error bars."""
    names = [found.quantity, f"{found.quantity}_importance"]
    both = [n for n in names if all(n in r.estimates and r.estimates[n].known_error for r in (found, stored))]
    return found.quantity if not both or not math.isfinite(found.headline.value) else both[0]


def stored_evaluation(entry: Entry, result: Result) -> Evaluation:
    """Return the evaluation of an entry, as its config and its result say."""
    fields = {**(read_config(entry.folder / "config.yaml").get("evaluation") or {}), "until_error": None}
    names = {field.name for field in dataclasses.fields(Evaluation)}
    if unknown := sorted(fields.keys() - names):
        raise InputError(f"config of {entry.folder} has unknown evaluation.{unknown[0]}")
    batch = fields.get("batch", Evaluation.batch)
    samples = max(int(result.diagnostics.get("samples", 0)), batch * FEWEST_BATCHES)
    return Evaluation(**{**fields, "samples": samples})


def shortened(model: WavefunctionModel, evaluation: Evaluation, seconds: float) -> Evaluation:
    """Return the evaluation with fewer walkers where all of them would warm up for too long."""
    model = model.double()
    sampler = model.fresh_sampler(FEWEST_WALKERS)
    model.start_sampler(sampler, torch.Generator(model.device).manual_seed(0), warm_up=1)
    start = time.process_time()
    sampler.warm_up(model.born, 3)
    each = (time.process_time() - start) / 3 / FEWEST_WALKERS  # an upper limit: a batch costs less than its parts
    walkers = int(WARM_UP_SHARE * seconds / max(each * evaluation.warm_up, 1e-9))
    batch = min(evaluation.batch, max(walkers, FEWEST_WALKERS))
    return dataclasses.replace(evaluation, batch=batch)


def verify_or_say(name: str, *args: Any, **kwargs: Any) -> Verified:
    """Return what `verify` finds, or why the entry cannot be measured."""
    try:
        return verify(name, *args, **kwargs)
    except InputError as error:
        return Verified(name, broken=f"{name}: {error}")
