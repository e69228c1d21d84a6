"""Numbers that are not finite, put into one of two gloo ranks: noticed within 10 steps, undone or stopped with a word.

    python -m benchmarks nan_on_one_rank

Every case is a training of two ranks on the CPU; at step 25 rank 1 alone is spoilt: a parameter, its walkers, or its
energies, once or from then on. Noticed is the first step that the guard of every rank undoes.
"""

from __future__ import annotations

import logging
import math
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist
from lightning import Callback, Trainer, seed_everything
from lightning.pytorch.strategies import DDPStrategy

from benchmarks.checks.ranks import RBM, StartedByHand, start
from benchmarks.places import RESULTS
from physgen.callbacks import BlowUpGuard
from physgen.core.errors import TrainingError
from physgen.models import Model
from physgen.systems import ClassicalDot, QuantumDot

OUT = RESULTS / "nan_on_one_rank.txt"
#: step that is spoilt, steps of a training, most steps until it is noticed
WHEN, STEPS, MOST = 25, 60, 10
MODELS = {
    "GaussianBinaryRBM": (QuantumDot(n=2), RBM),
    "GaussianBinaryRBM adam": (QuantumDot(n=2), {**RBM, "optimizer": "adam"}),
    "SlaterJastrow": (QuantumDot(n=6), {"sampler": RBM["sampler"]}),
    "MLPFlow": (ClassicalDot(n=3), {"hidden": [8, 8], "batch_size": 64}),
    "AutoregressiveMLP": (ClassicalDot(n=2), {"batch_size": 32}),
}


@dataclass(frozen=True)
class Case:
    """One training.

    Args:
        model: one of `MODELS`.
        what: `parameter`, `walkers`, `walker` or `energy`.
        value: what is put there.
        stays: whether it is put there again at every later step.
    """

    model: str
    what: str
    value: float = math.nan
    stays: bool = False


def cases() -> list[Case]:
    """Return all trainings."""
    found = []
    for name in MODELS:
        places = ["parameter", "energy", *(["walkers", "walker"] if isinstance(MODELS[name][0], QuantumDot) else [])]
        found += [Case(name, what, value) for what in places for value in (math.nan, math.inf)]
        found.append(Case(name, "parameter", stays=True))
    return found


class Spoil(Callback):
    """Put a number that is not finite into this rank before a step."""

    def __init__(self, case: Case) -> None:
        self.case, self.steps = case, 0

    def on_train_batch_start(self, trainer: Trainer, model: Model, *_: object) -> None:
        """Spoil the step, if it is time."""
        self.steps += 1
        if self.steps != WHEN and not (self.case.stays and self.steps > WHEN):
            return
        with torch.no_grad():
            if self.case.what == "parameter":
                next(p for p in model.parameters() if p.requires_grad).view(-1)[0] = self.case.value
            elif self.case.what == "energy":
                once(model.system, "terms", self.case.value)
            else:
                model.sampler.x[: 1 if self.case.what == "walker" else None] = self.case.value


def once(system: QuantumDot | ClassicalDot, name: str, value: float) -> None:
    """Let the next call of a method of `system` return a `value` in the first row of every term."""
    method: Callable = getattr(system, name)

    def spoilt(x: torch.Tensor) -> dict[str, torch.Tensor]:
        del system.__dict__[name]
        return {k: torch.cat([torch.full_like(v[:4], value), v[4:]]) for k, v in method(x).items()}

    system.__dict__[name] = spoilt


class Watch(Callback):
    """Remember the first step that was undone."""

    def __init__(self, guard: BlowUpGuard) -> None:
        self.guard, self.noticed = guard, 0

    def on_train_batch_end(self, trainer: Trainer, model: Model, *_: object) -> None:
        """Look at the guard."""
        if self.guard.undone and not self.noticed:
            self.noticed = model.iteration


def training(rank: int, case: Case) -> dict[str, object]:
    """Train one case on this rank; return what was noticed and how it ended."""
    seed_everything(7, verbose=False)
    system, arguments = MODELS[case.model]
    model = Model.lookup(case.model.split()[0])(system=system, steps_per_epoch=STEPS, **arguments)
    guard = BlowUpGuard(every=10)
    watch = Watch(guard)
    said = ""
    trainer = Trainer(
        accelerator="cpu", devices=2, strategy=DDPStrategy(cluster_environment=StartedByHand(rank, 2)),
        precision="64-true", max_epochs=1, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, callbacks=[guard, watch, *([Spoil(case)] if rank else [])],
    )  # fmt: skip
    try:
        trainer.fit(model)
    except TrainingError as error:
        said = str(error)
    parameters = torch.cat([p.detach().flatten() for p in model.parameters()])
    finite = bool(parameters.isfinite().all()) and math.isfinite(model.step.value)
    return {"noticed": watch.noticed, "undone": guard.undone, "said": said, "finite": finite, "parameters": parameters}


def worker(rank: int, todo: list[Case], folder: str) -> None:
    """Do all trainings of one rank."""
    torch.set_num_threads(1)
    logging.disable(logging.CRITICAL)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.save([training(rank, case) for case in todo], f"{folder}/rank{rank}")
    dist.destroy_process_group()


def outcomes(todo: list[Case]) -> list[tuple[str, bool]]:
    """Return of every case what happened, in words, and whether that is well."""
    with tempfile.TemporaryDirectory() as folder:
        start(worker, (todo, folder), 2)
        ranks = [torch.load(Path(folder) / f"rank{rank}", weights_only=True) for rank in range(2)]
    return [judged(case, one, two) for case, one, two in zip(todo, *ranks, strict=True)]


def judged(case: Case, one: dict, two: dict) -> tuple[str, bool]:
    """Return what both ranks found in words, and whether they noticed in time, agree and ended well."""
    alike = all(one[k] == two[k] for k in ("noticed", "undone", "said"))
    if case.stays:
        end, well = one["said"] or "went on", bool(one["said"])
    else:
        same = torch.equal(one["parameters"], two["parameters"])
        well = one["finite"] and two["finite"] and same and not one["said"]
        end = "goes on, ranks equal" if well else one["said"] or two["said"] or "not finite, or ranks differ"
    in_time = WHEN <= one["noticed"] <= WHEN + MOST
    return f"noticed at step {one['noticed']}, {one['undone']} undone; {end}", alike and in_time and well


def main() -> int:
    """Run all cases, print and write what happened; return how many went wrong."""
    todo = cases()
    found = outcomes(todo)
    lines = [
        f"{case.model}, {case.what} {case.value}{', stays' if case.stays else ''}: {words}{'' if well else '  WRONG'}"
        for case, (words, well) in zip(todo, found, strict=True)
    ]
    wrong = sum(not well for _, well in found)
    good = len(todo) - wrong
    lines.append(f"{good} of {len(todo)} noticed within {MOST} steps on both ranks, undone or stopped with a word")
    OUT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))
    return wrong
