"""Diffusion Monte Carlo after the evaluation of a model, which guides it."""

from __future__ import annotations

from typing import Any

import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from physgen.core.errors import check
from physgen.core.random_streams import DIFFUSION, stream
from physgen.core.ranks import world_size
from physgen.core.tables import console
from physgen.dmc.fixed_node import DiffusionSettings, FixedNode
from physgen.dmc.guide import check_guide
from physgen.models import WavefunctionModel
from physgen.models.base import Model
from physgen.systems import QuantumSystem


def check_diffusion(model: Model, devices: Any = 1) -> None:
    """Raise `InputError` unless `model` can guide diffusion Monte Carlo on one device."""
    check_guide(model, model.system)
    check(devices in (1, "1", "auto") and world_size() == 1, "trainer.devices", devices, "1 with --dmc")


def diffuse(model: WavefunctionModel, settings: DiffusionSettings, shown: bool = True) -> None:
    """Run fixed-node diffusion Monte Carlo with an evaluated model as guide, and add what it finds to its result.

    Args:
        model: a wavefunction whose `result` is that of its evaluation.
        settings: size of the calculation.
        shown: whether a progress bar is shown.

    Raises:
        InputError: the model is no guide for its system.
    """
    check_diffusion(model)
    result, system = model.result, model.system
    check(result is not None, "dmc: result of the model", None, "that of an evaluation")
    assert result is not None and isinstance(system, QuantumSystem)  # as checked above
    dtype = next(model.parameters()).dtype
    model.double()
    generator = stream(settings.seed, 0, DIFFUSION, model.device)
    sampler = model.fresh_sampler(settings.walkers)
    columns = (TextColumn("{task.description:48}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with torch.no_grad(), Progress(*columns, console=console(stderr=True), transient=True, disable=not shown) as bar:
        task = bar.add_task("dmc: variational walkers", total=1.0)
        model.start_sampler(sampler, generator, model.evaluation.warm_up)
        assert sampler.x is not None
        run = FixedNode(
            model,
            system,
            sampler.x,
            generator,
            settings,
            lambda share, text: bar.update(task, completed=share, description=text),
        )
        estimates, diagnostics, notes = run.run(result.estimates)
    model.to(dtype)
    result.estimates.update(estimates)
    result.diagnostics.update(diagnostics)
    result.notes += notes
    result.provenance["dmc"] = run.record()
