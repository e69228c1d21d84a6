"""`--optimizer` and `--lr_scheduler`, the groups of LightningCLI, for models with an optimiser of their own."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch.cli import LRSchedulerTypeTuple, ReduceLROnPlateau, instantiate_class

from physgen.core.errors import InputError, check, said
from physgen.core.recipe import known, opaque_arguments
from physgen.models import Model
from physgen.models.own_optimizers import check_followed

#: groups of options, and the classes that they name
GROUPS: dict[str, tuple[type, ...]] = {"optimizer": (torch.optim.Optimizer,), "lr_scheduler": LRSchedulerTypeTuple}
#: arguments of models that say which optimiser they make
OWN = ("optimizer", "learning_rate", "decay", "damping", "momentum", "norm_limit", "reverse_learning_rate",
       "matrix_learning_rate")  # fmt: skip


def check_named(path: str, content: Mapping[str, Any]) -> None:
    """Look up the optimiser and the schedule that a config names among those that are there; nothing is imported.

    Raises:
        InputError: a class that is not there, or an argument that takes a function, which a file cannot say.
    """
    for group, families in GROUPS.items():
        held = content.get(group)
        if held is None:
            continue
        spec: Any = {"class_path": held} if isinstance(held, str) else held
        sound = isinstance(spec, Mapping) and isinstance(spec.get("class_path"), str)
        check(sound, f"{group} in config {path}", said(held), "a name or {class_path, init_args}")
        kind = looked_up(group, spec["class_path"], families)
        arguments = spec.get("init_args") or {}
        check(isinstance(arguments, Mapping), f"{group}.init_args in config {path}", said(arguments), "a mapping")
        known(dict(arguments), name=f"{group}.init_args", exact=True)
        for name in opaque_arguments(kind) & arguments.keys():
            raise InputError(f"{group}.{name} in config {path} must be left out, a file cannot say a function")


def looked_up(group: str, path: str, families: tuple[type, ...]) -> type:
    """Return the class that a path means, of those that are imported already.

    Raises:
        InputError: there is none.
    """
    module, _, name = path.rpartition(".")
    if module:
        kind = getattr(sys.modules.get(module), name, None)
        if isinstance(kind, type) and issubclass(kind, families):
            return kind
    else:
        for kind in below(families):
            if kind.__name__ == name:
                return kind
    raise InputError(f"{group} {path} is not known: a class of your own is known once its module was imported")


def below(families: tuple[type, ...]) -> list[type]:
    """Return all classes below these, to any depth."""
    found: list[type] = []
    family: Any
    for family in families:
        held = family.__subclasses__()
        found += [*held, *below(tuple(held))]
    return found


def choose(model: Model, config: Any) -> None:
    """Let `model` be trained with the optimiser and the schedule of a command line, if they name one.

    Schedules move on at the end of every epoch, as those of LightningCLI do.

    Raises:
        InputError: a schedule without an optimiser, or an optimiser that the model cannot follow, or arguments that
            torch refuses.
    """
    chosen, schedule = (config.get(group) for group in GROUPS)
    if not chosen:
        if schedule:
            raise InputError("lr_scheduler has no effect without --optimizer, whose learning rate it changes")
        return

    def configure_optimizers() -> dict[str, Any]:
        parameters = [p for p in model.parameters() if p.requires_grad]
        optimizer = instantiate_class(parameters, chosen)
        made: dict[str, Any] = {"optimizer": optimizer}
        if schedule:
            scheduler = instantiate_class(optimizer, schedule)
            made["lr_scheduler"] = {"scheduler": scheduler, "interval": "epoch"}
            if isinstance(scheduler, ReduceLROnPlateau) and model.automatic_optimization:
                made["lr_scheduler"]["monitor"] = scheduler.monitor
        return made

    try:
        check_followed(model, configure_optimizers()["optimizer"])
    except InputError:
        raise
    except (ValueError, TypeError) as error:
        raise InputError(f"optimizer: {error}") from None
    model.configure_optimizers = configure_optimizers  # type: ignore[method-assign, assignment]
    idle = [n for n in OWN if n in model.init_args and model.init_args[n] != model.default(n)]
    if idle:
        print(f"{', '.join(f'model.{name}' for name in idle)} without an effect beside --optimizer")
