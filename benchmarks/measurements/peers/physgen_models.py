"""physgen's own densities as they are configured in `configs/`, trained by the same loop as the peers."""

from __future__ import annotations

from typing import Any

import yaml

from benchmarks.measurements.budgeted import Recipe
from benchmarks.places import ROOT
from physgen.models import AutoregressiveMLP, MLPFlow
from physgen.models.density import DensityModel
from physgen.systems import ClassicalDot

CONFIGS = ROOT / "configs"
#: config of n = 20 that each model is trained with, and the name in the table
CONFIGURED = {"mlp-flow": (MLPFlow, "MLPFlow"), "autoregressive": (AutoregressiveMLP, "AutoregressiveMLP")}


def configured(name: str, system: ClassicalDot, like_beta: str, **changed: Any) -> tuple[DensityModel, Recipe]:
    """Return a model, data-free, with the arguments of `configs/classical-dot-n20-beta<like_beta>/<name>.yaml`."""
    text = (CONFIGS / f"classical-dot-n20-beta{like_beta}" / f"{name}.yaml").read_text(encoding="utf-8")
    arguments = yaml.safe_load(text)["model"]["init_args"]
    arguments = {k: v for k, v in arguments.items() if not k.startswith(("forward", "data", "reverse", "steps"))}
    kind, _ = CONFIGURED[name]
    model = kind(**{**arguments, **changed, "system": system})
    return model, Recipe(
        learning_rate=model.learning_rate,
        gradient=model.gradient,
        batch=model.batch_size,
        anneal_from=model.anneal_from,
        anneal_fraction=model.anneal_fraction,
        clip_norm=float("inf") if model.clip_norm is None else model.clip_norm,
        advantage_clip=model.advantage_clip,
    )
