"""Models from checkpoint files: the recipe says the class and its arguments, the weights must fit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from physgen.core.errors import InputError
from physgen.core.registry import rebuilding
from physgen.runs.checkpoint_contents import check_weights, misfit
from physgen.runs.checkpoint_file import check_device, of_a_newer_version, precision_of, read_checkpoint

if TYPE_CHECKING:
    from physgen.models.base import Model

Wanted = TypeVar("Wanted", bound="Model")


@torch.inference_mode(False)  # whose tensors could never be trained
def rebuilt(
    wanted: type[Wanted], path: str | Path, map_location: Any, strict: bool, overrides: dict[str, Any]
) -> Wanted:
    """Return the trained model of a file, of the class `wanted` or below it, see `Model.load_from_checkpoint`."""
    device = check_device("map_location", map_location)
    checkpoint = read_checkpoint(path, device)
    recipe = checkpoint["physgen"]
    with of_a_newer_version(path, recipe):
        kind: Any = wanted.lookup(recipe["class_path"])
        if not issubclass(kind, wanted):
            raise InputError(f"checkpoint {path} holds a {kind.__name__}, not a {wanted.__name__}")
        with rebuilding():
            arguments = {**recipe["init_args"], **overrides}
            model: Wanted = kind.of({"class_path": kind.__name__, "init_args": arguments})
        model.recall(recipe)
    weights = checkpoint["state_dict"]
    check_weights(path, weights, model)
    model.to(precision_of(weights))
    try:
        model.load_state_dict(weights, strict=strict)
    except RuntimeError:
        reason = misfit(weights, model.state_dict())
        raise InputError(f"checkpoint {path} does not fit {kind.__name__}: {reason}") from None
    return model.to(device).eval()
