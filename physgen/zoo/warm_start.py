"""Weights of one training as the start of another."""

from __future__ import annotations

import torch

from physgen.core.errors import InputError
from physgen.models import Model, WavefunctionModel
from physgen.zoo.pretrained import resolve


def warm_start(model: Model, name: str) -> str:
    """Give `model` the weights of another training wherever name and shape agree, and say in words what was taken.

    Networks see coordinates in units of their system's length, so the weights of one frequency are a start at another.
    Weights of another model of the family are taken part by part, such as a machine without its Jastrow factor.

    Args:
        model: model that was just built.
        name: pretrained entry, checkpoint or run folder.

    Raises:
        InputError: nothing of that name, another number of particles or dimensions, another family, a weight of
            another shape, or no weight in common.
    """
    held = Model.load_from_checkpoint(resolve(name))
    common = weights_in_common(model, held, name)
    weights, wanted = held.state_dict(), model.state_dict()
    with torch.no_grad():
        for key in common:
            wanted[key].copy_(weights[key])
    missing = sorted(wanted.keys() - set(common))
    text = f"warm start: {len(common)} of {len(wanted)} weights of {name} ({held.system.label})"
    return text + (f"; {', '.join(missing)} start anew" if missing else "")


def weights_in_common(model: Model, held: Model, name: str) -> list[str]:
    """Return the names of the weights that `model` can take from the model `held`, which is called `name`.

    Raises:
        InputError: another number of particles or dimensions, another family, a weight of another shape, or no weight
            in common.
    """
    own, other = model.system, held.system
    for what in ("n", "dim", "n_up", "continuous"):
        here, there = getattr(own, what, None), getattr(other, what, None)
        if here != there:
            raise InputError(f"warm_start {name} must have {what} = {here} as the system, it has {what} = {there}")
    if isinstance(model, WavefunctionModel) != isinstance(held, WavefunctionModel):
        raise InputError(
            f"warm_start {name} must be of the family of {type(model).__name__}, got {type(held).__name__}"
        )
    weights, wanted = held.state_dict(), model.state_dict()
    common = [key for key in wanted if key in weights]
    for key in common:
        if weights[key].shape != wanted[key].shape:
            shapes = f"{tuple(weights[key].shape)}, not {tuple(wanted[key].shape)}"
            raise InputError(f"warm_start {name} does not fit {type(model).__name__}: {key} has the shape {shapes}")
    if not common:
        raise InputError(
            f"warm_start {name} shares no weights with {type(model).__name__}, it is a {type(held).__name__}"
        )
    return common
