"""What a run leaves behind: `result.json`, and a panel on the screen."""

from __future__ import annotations

import math
import platform
import time
from pathlib import Path
from typing import Any

import torch
from lightning import Callback, Trainer
from lightning.pytorch.utilities import rank_zero_only
from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from physgen.callbacks.cost_ahead import peak_memory
from physgen.core.commit import commit
from physgen.core.shipped import shipped
from physgen.models import Model
from physgen.runs.again import training_again
from physgen.runs.result import Result, reference_for
from physgen.systems.references import HEADLINES


class ResultWriter(Callback):
    """Time the training and write `result.json` after the evaluation.

    Args:
        folder: run folder.
        seed: seed of the run, for the record.
    """

    def __init__(self, folder: str | Path, seed: int | None = None) -> None:
        self.folder, self.seed = Path(folder), seed
        self.seconds = self.cpu_seconds = 0.0
        self.memory: float | None = None
        self.training: dict[str, Any] = {}
        self.source: Path | None = None
        self._start = self._cpu_start = 0.0
        self._running = False
        #: whether an iteration of the training has ended
        self.began = False

    def on_fit_start(self, trainer: Trainer, model: Any) -> None:
        """Start the clocks, and let the model's records carry the time."""
        self._start, self._cpu_start, self._running = time.perf_counter(), time.process_time(), True
        if model is not None:
            model.stamp = self.stamp

    def on_train_batch_end(self, trainer: Trainer, model: Any, *_: Any) -> None:
        """Note that the training goes on."""
        self.began = True

    def on_fit_end(self, trainer: Trainer, model: Any) -> None:
        """Stop the clocks; a resumed training adds to what it took before."""
        self.seconds, self.cpu_seconds = self.state_dict().values()
        self._running = False
        self.memory = peak_memory(model.device)

    def stamp(self) -> dict[str, float]:
        """Return the CPU time of the training so far, for its records."""
        return {"cpu_seconds": round(self.state_dict()["cpu_seconds"], 3)}

    def trained_by(self, checkpoint: str | Path) -> None:
        """Take over what the `result.json` beside a checkpoint says of its training, for a later evaluation."""
        for place in (Path(checkpoint).parent, Path(checkpoint).parent.parent):
            if (place / "result.json").is_file():
                self.training, self.source = Result.read(place / "result.json").provenance, place
                return

    def again(self, recipe: Any) -> str | None:
        """Return the command that trains anew the model of a recipe, None where no config of it was kept."""
        place = next((p for p in (self.folder, self.source) if p and (p / "config.yaml").is_file()), None)
        if place is None:
            return None
        kept = shipped("checkpoints").parent
        inside = place.resolve().is_relative_to(kept / "checkpoints")  # those are found by their short names
        return training_again((place.resolve().relative_to(kept) if inside else place) / "config.yaml", recipe)

    def state_dict(self) -> dict[str, float]:
        """Return the time spent so far, for checkpoints."""
        return {
            "seconds": self.seconds + (time.perf_counter() - self._start if self._running else 0),
            "cpu_seconds": self.cpu_seconds + (time.process_time() - self._cpu_start if self._running else 0),
        }

    def load_state_dict(self, state: dict[str, float]) -> None:
        """Take over the time that was spent before an interruption."""
        self.seconds, self.cpu_seconds = state["seconds"], state["cpu_seconds"]

    @property
    def state_key(self) -> str:
        """Name of the state in a checkpoint, that of the first checkpoints."""
        return "RunCard"

    @rank_zero_only
    def on_test_end(self, trainer: Trainer, model: Any) -> None:
        """Write `result.json`."""
        result: Result = model.result
        result.provenance.update(
            {
                "seed": self.seed,
                "evaluation_seed": model.evaluation.seed,
                "train_seconds": round(self.seconds, 1),
                "train_cpu_seconds": round(self.cpu_seconds, 1),
                "train_peak_mib": None if self.memory is None else round(self.memory),
                "commit": commit(),
                "threads": torch.get_num_threads(),
                "machine": f"{platform.machine()} {platform.system()}, Python {platform.python_version()}",
            }
        )
        if (self.folder / "config.yaml").is_file():  # not after a test
            result.provenance["command"] = training_again(self.folder / "config.yaml", model.spec())
        kept = (
            "seed",
            "iterations",
            "train_seconds",
            "train_cpu_seconds",
            "train_peak_mib",
            "command",
            "trained_precision",
        )
        result.provenance.update({k: self.training[k] for k in kept if k in self.training})
        result.write(self.folder / "result.json")


def panel(result: Result, model: Model) -> Panel:
    """Return value and reference, what was measured beside them, and warnings."""
    lines: list[Any] = [Text(headline(result, result.kind.symbol), style="bold")]
    table = Table(box=None, pad_edge=False, show_header=True, header_style="dim")
    for column in ("quantity", "measured", "reference"):
        table.add_column(column)
    references = model.references()
    for name, estimate in result.estimates.items():
        plain = name.removesuffix("_importance").removesuffix("_metropolis")
        if plain != name and plain not in HEADLINES:
            continue
        known = reference_for(references, plain.removesuffix("_dmc"))
        method = "" if known is None or known.label == "exact" else f" {known.label}"
        text = known.number + method if known else ""
        table.add_row(spelt(name), str(estimate), text)
    lines += [table, Text(", ".join(f"{k} {v:.4g}" for k, v in result.diagnostics.items() if v == v), style="dim")]
    alarm = result.alarm()
    if alarm:
        lines.append(Text(alarm, style="bold red"))
    lines += [Text(f"• {note}", style="yellow") for note in result.notes]
    seconds = result.provenance.get("train_seconds", 0.0)
    lines.append(Text(f"trained {seconds:.0f} s, {result.provenance['parameters']} parameters"))
    return Panel(Group(*lines), title=f"{result.provenance['model']} on {result.provenance['system']}", expand=False)


def spelt(name: str) -> str:
    """Return the name of a quantity with its estimator in words."""
    return name.replace("_importance", " (importance sampling)").replace("_metropolis", " (independence Metropolis)")


def headline(result: Result, symbol: str) -> str:
    """Return one line such as `E = 3.0001(2), exact 3, +0.0001 (0.5 sigma, 0.003 %)`."""
    text = f"{symbol} = {result.headline}"
    reference = result.reference
    if reference is None:
        return f"{text}, no reference known"
    label = reference.label
    gap = result.headline.value - reference.value
    sigmas = "" if result.headline.known_error is None else f"{result.sigmas:+.1f} sigma, "
    kl = result.estimates.get("kl")
    apart = f"{result.percent:+.2g} %" if kl is None else f"KL {kl} nats"
    return f"{text}, {label} {reference.number}: {gap:+.4g} ({sigmas}{apart})"


def advice(result: Result, again: str | None) -> str | None:
    """Return what to try next, from what the result shows, a command that can be pasted last; None without one.

    Args:
        result: what was found.
        again: command that repeats the training, None where nothing that it needs was kept.
    """
    if again is None:
        return None
    if result.diagnostics.get("rhat", 1.0) > 1.05:
        return f"chains disagree (R-hat > 1.05), warm up longer: {again} --evaluation.warm_up 5000"
    if not math.isnan(result.percent) and result.percent > 0.1 and result.sigmas > 3:
        return f"above the reference, train longer or take a richer model: {again} --trainer.max_epochs 100"
    return f"another seed: {again} --seed_everything 2"
