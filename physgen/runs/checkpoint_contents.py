"""What a checkpoint must hold, looked at before any of it is used."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor, nn

from physgen.core.errors import InputError
from physgen.core.small_file import DEEPEST, MOST_VALUES

#: parts of a checkpoint that a training goes on from, and their types
TRAINING = {
    "epoch": int,
    "global_step": int,
    "pytorch-lightning_version": str,
    "loops": dict,
    "callbacks": dict,
    "optimizer_states": list,
    "lr_schedulers": list,
    "records": dict,
    "draws": dict,
}


def unsound(contents: Any) -> str:
    """Return why the contents of a file are no plain values and tensors of bounded size; empty where they are.

    Shared parts count as often as they occur, since whoever walks through them meets them as often; a tensor counts as
    sound only where its storage holds as many numbers as its shape says.
    """
    count, left = 0, [(contents, 0)]
    while left:
        held, depth = left.pop()
        count += 1
        if count > MOST_VALUES or depth > DEEPEST:
            return "nests too much"
        if isinstance(held, Tensor):
            if held.layout != torch.strided or held.is_meta or type(held) not in (Tensor, nn.Parameter):
                return "holds tensors of another kind"
            if held.numel() * held.element_size() > held.untyped_storage().nbytes():
                return "holds tensors that are larger than their data"
        elif isinstance(held, dict):
            left += [(v, depth + 1) for pair in held.items() for v in pair]
        elif isinstance(held, (list, tuple, set, frozenset)):
            left += [(v, depth + 1) for v in held]
    return ""


def misfit(held: dict[str, Tensor], wanted: dict[str, Tensor]) -> str:
    """Return in words the first difference between the weights of a file and those of a model, empty if none."""
    for name, weight in wanted.items():
        if name not in held:
            return f"{name} is missing"
        if held[name].shape != weight.shape:
            return f"{name} has the shape {tuple(held[name].shape)}, not {tuple(weight.shape)}"
    more = sorted(map(str, held.keys() - wanted.keys()))
    return f"{', '.join(more[:3])} is not known" if more else ""


def unusable(held: dict[str, Tensor], wanted: dict[str, Tensor], parameters: set[str]) -> str:
    """Return in words why weights that fit a model are no numbers to go on with; empty where they are.

    Args:
        held: weights of a file.
        wanted: those of the model.
        parameters: names of the trained ones; a buffer, such as a mask, may be infinite.
    """
    for name in held.keys() & wanted.keys():
        weight, dtype = held[name], wanted[name].dtype
        if (weight.is_floating_point(), weight.is_complex()) != (dtype.is_floating_point, dtype.is_complex):
            return f"{name} is of {weight.dtype}, not {dtype}"
        if weight.isnan().any() or (name in parameters and not weight.isfinite().all()):
            return f"{name} holds numbers that are not finite"
    return ""


def check_weights(path: Any, held: dict[str, Tensor], model: nn.Module) -> None:
    """Raise `InputError` where weights `held` of the file `path` are no finite real numbers for `model`."""
    reason = unusable(held, model.state_dict(), {name for name, _ in model.named_parameters()})
    if reason:
        raise InputError(f"checkpoint {path} cannot be used for {type(model).__name__}: {reason}")


def check_training(path: Any, held: dict[str, Any]) -> None:
    """Raise `InputError` unless the checkpoint at `path` holds the state of a training in the right types."""
    if "optimizer_states" not in held:
        raise InputError(f"checkpoint {path} holds weights alone, no training to go on with: take --warm_start {path}")
    for name, kind in TRAINING.items():
        if name not in held or not isinstance(held[name], kind) or isinstance(held[name], bool):
            raise broken(path, name)
    version = re.fullmatch(r"\d+(\.\d+){1,2}\S{0,20}", held["pytorch-lightning_version"])
    for name, sound in (
        ("epoch", 0 <= held["epoch"] < 2**40),
        ("global_step", 0 <= held["global_step"] < 2**40),
        ("pytorch-lightning_version", version),
        ("loops", isinstance(held["loops"].get("fit_loop"), dict)),
        ("callbacks", all(isinstance(state, dict) for state in held["callbacks"].values())),
        ("optimizer_states", held["optimizer_states"] and all(isinstance(s, dict) for s in held["optimizer_states"])),
        ("lr_schedulers", all(isinstance(state, dict) for state in held["lr_schedulers"])),
        ("records", all(numbers(values) for values in held["records"].values())),
        ("draws", drawn(held["draws"])),
    ):
        if not sound:
            raise broken(path, name)


def broken(path: Any, name: str) -> InputError:
    """Return the error of a part that is missing or of a wrong type."""
    return InputError(f"checkpoint {path} cannot be continued: its {name} is missing or broken")


def numbers(values: Any) -> bool:
    """Return whether `values` is a list of numbers."""
    return isinstance(values, list) and all(type(v) in (int, float) for v in values)


def drawn(state: dict[str, Any]) -> bool:
    """Return whether a state of draws holds generators `(ranks, bytes)` and finite tensors of as many ranks."""
    generators, walkers = state.get("generator"), state.get("state")
    if not isinstance(generators, Tensor) or generators.dtype != torch.uint8 or generators.ndim != 2:
        return False
    if not isinstance(walkers, dict) or not len(generators):
        return False
    return all(
        isinstance(v, Tensor) and v.ndim and len(v) == len(generators) and bool(v.isfinite().all())
        for v in walkers.values()
    )
