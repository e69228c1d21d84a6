"""What a run is made of as flat columns: physics, model and training, for any logger."""

from __future__ import annotations

from typing import Any

import lightning
import torch

from physgen.core.registry import Registered
from physgen.core.version import __version__
from physgen.systems import System

#: settings of a trainer that a training depends on
TRAINING = ("max_epochs", "max_steps", "precision", "accumulate_grad_batches", "gradient_clip_val", "world_size")


def physics_columns(system: System) -> dict[str, Any]:
    """Return `system` (its label), `n`, `dim`, `beta` where there is one, and the arguments such as `omega`."""
    found: dict[str, Any] = {"system": system.label, "system_class": type(system).__name__}
    for name in ("n", "dim", "beta"):
        value = getattr(system, name, None)
        if isinstance(value, (bool, int, float, str)):
            found[name] = value
    return {**{k: v for k, v in flat(system.init_args).items() if v is not None}, **found}


def model_columns(model: Any) -> dict[str, Any]:
    """Return `model` (its class) and its arguments; those of a sampler as `sampler.walkers`."""
    arguments = {k: v for k, v in model.init_args.items() if k != "system"}
    if "learning_rate" in arguments:  # which a search may have changed
        arguments["learning_rate"] = model.learning_rate
    return {"model": type(model).__name__, **flat(arguments)}


def training_columns(model: Any) -> dict[str, Any]:
    """Return what the trainer that fits `model` was told, the seed of all draws, and versions."""
    trainer = model.trainer
    told = {name: getattr(trainer, name, None) for name in TRAINING}
    versions = {"physgen": __version__, "torch": str(torch.__version__), "lightning": lightning.__version__}
    return {**told, "seed": torch.initial_seed(), "device": str(trainer.strategy.root_device), **versions}


def hyperparameters(model: Any) -> dict[str, Any]:
    """Return physics and model, and while a trainer fits it the training, as numbers and texts by flat names."""
    physics, own = physics_columns(model.system), model_columns(model)
    shared = {f"system.{name}" if name in own else name: value for name, value in physics.items()}
    size = {"parameters": sum(p.numel() for p in model.parameters())}
    training = training_columns(model) if model._trainer is not None and model._trainer.training else {}
    return {**own, **shared, **size, **training}


def flat(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return arguments with those of objects in them as `name.argument`, and lists as text."""
    found: dict[str, Any] = {}
    for name, value in arguments.items():
        if isinstance(value, Registered):
            found[name] = type(value).__name__
            found |= {f"{name}.{key}": held for key, held in flat(value.init_args).items()}
        else:
            plain = value is None or isinstance(value, (bool, int, float, str))
            found[name] = value if plain else str(value)
    return found
