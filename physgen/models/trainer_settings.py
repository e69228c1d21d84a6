"""Settings of a Lightning trainer that a model does not follow; they are refused before a training starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lightning import Trainer
from lightning.pytorch.callbacks import BatchSizeFinder, Callback, GradientAccumulationScheduler
from lightning.pytorch.plugins import Precision

from physgen.core.errors import InputError, check, check_integer, check_positive

if TYPE_CHECKING:
    from physgen.models.base import Model

PRECISIONS = ("32-true", "64-true")
#: other spellings of Lightning's
SPELLINGS = {"None": "32-true", "32": "32-true", "64": "64-true", "16": "16-mixed", "bf16": "bf16-mixed"}


def check_trainer(model: Model, trainer: Trainer) -> None:
    """Raise `InputError` for a setting of a trainer made in Python that `model` does not follow."""
    names = ("precision", "gradient_clip_val", "gradient_clip_algorithm", "accumulate_grad_batches", "callbacks")
    check_settings(model, {name: getattr(trainer, name) for name in names})


def check_settings(model: Model, settings: Mapping[str, Any]) -> None:
    """Raise `InputError`, which names the argument of the trainer, for settings that `model` does not follow.

    Args:
        model: what is to be trained.
        settings: arguments of `lightning.Trainer`; what is not there was not asked for.
    """
    plugins = as_list(settings.get("plugins"))
    asked = [settings.get("precision"), *(p.precision for p in plugins if isinstance(p, Precision))]
    for precision in asked:
        check_precision(type(model).__name__, precision)
    check_clipping(settings)
    check_integer("trainer.accumulate_grad_batches", settings.get("accumulate_grad_batches", 1), 1)
    callbacks = as_list(settings.get("callbacks"))
    if any(isinstance(c, BatchSizeFinder) for c in callbacks):
        raise InputError(
            "trainer.callbacks: BatchSizeFinder looks for the batch of a data loader, and no data are loaded here; "
            "model.batch_size or model.sampler.walkers says how many configurations an iteration draws"
        )
    if not model.automatic_optimization:
        check_manual(type(model).__name__, settings, callbacks)
    check_least(settings)


def as_list(value: Any) -> list[Any]:
    """Return one object, several or None as a list."""
    return [] if value is None else list(value) if isinstance(value, (list, tuple)) else [value]


def check_precision(kind: str, precision: Any) -> None:
    """Raise `InputError` unless a model trains in this precision."""
    name = SPELLINGS.get(str(precision), str(precision))
    if name in PRECISIONS:
        return
    reason = f"{name} has too few digits for log-determinants, linear solves and energies"
    if name.endswith("mixed") or name.startswith("transformer-engine"):
        reason = (
            f"mixed precision has no effect on {kind}: its log-density, derivatives and linear solves are computed in "
            "the precision of its weights"
        )
    raise InputError(f"trainer.precision must be {' or '.join(PRECISIONS)}, got {name!r}; {reason}")


def check_clipping(settings: Mapping[str, Any]) -> None:
    """Raise `InputError` for a clipping of gradients that clips nothing."""
    value, algorithm = settings.get("gradient_clip_val"), settings.get("gradient_clip_algorithm")
    if value is not None:
        check_positive("trainer.gradient_clip_val", value)
    elif algorithm is not None:
        raise InputError("trainer.gradient_clip_algorithm has no effect without trainer.gradient_clip_val")


def check_manual(kind: str, settings: Mapping[str, Any], callbacks: list[Callback]) -> None:
    """Raise `InputError` for settings of automatic optimisation, which a model that takes its own steps ignores."""
    if settings.get("gradient_clip_val") is not None:
        raise InputError(
            f"trainer.gradient_clip_val has no effect on {kind}: model.norm_limit limits its steps, model.clip its "
            "local energies"
        )
    scheduled = any(isinstance(c, GradientAccumulationScheduler) for c in callbacks)
    if scheduled or settings.get("accumulate_grad_batches", 1) != 1:
        raise InputError(
            f"trainer.accumulate_grad_batches has no effect on {kind}, which takes one step an iteration: "
            "model.sampler.walkers and model.sampler.steps say how much a step measures"
        )


def check_least(settings: Mapping[str, Any]) -> None:
    """Raise `InputError` for a least length of the training that its greatest length forbids, or nothing shortens."""
    for unit in ("epochs", "steps"):
        least, most = settings.get(f"min_{unit}"), settings.get(f"max_{unit}")
        if least is None:
            continue
        check(most in (None, -1) or least <= most, f"trainer.min_{unit}", least, f"at most trainer.max_{unit} = {most}")
        if not settings.get("callbacks") and settings.get("max_time") is None:
            raise InputError(
                f"trainer.min_{unit} {least} has no effect: nothing ends the training earlier; it goes with "
                "trainer.max_time or a callback such as EarlyStopping"
            )
