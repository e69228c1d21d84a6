"""Draws of a model: fresh ones at every call, in parts of bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from physgen.core.errors import check, check_integer
from physgen.core.memory import check_memory
from physgen.core.random_streams import DRAWS, stream
from physgen.core.ranks import rank

#: draws of one part: as many Jacobians as fit this many numbers, within these limits
PART_NUMBERS, SMALLEST_PART, LARGEST_PART = 4_000_000, 1024, 8192
#: more draws than any machine holds
MOST_DRAWS = 10**12


def source(model: Any, generator: Any) -> torch.Generator:
    """Return the generator of one call: the given one, one of a given seed, else a fresh one.

    A fresh one is seeded by one draw of torch's global stream: calls differ, `torch.manual_seed` repeats them, and
    ranks that share the global seed differ too.

    Raises:
        InputError: neither a generator of the model's device nor a seed from 0 to 2^64 - 1.
    """
    device = next(model.parameters()).device
    if generator is None:
        return stream(int(torch.randint(2**62, (), device="cpu")), rank(), DRAWS, device)
    if isinstance(generator, torch.Generator):
        allowed = f"a generator on the device of the model, {device.type}"
        check(generator.device.type == device.type, "generator", str(generator.device), allowed)
        return generator
    return torch.Generator(device).manual_seed(check_integer("generator", generator, 0, 2**64 - 1))


def check_count(model: Any, num_samples: Any) -> int:
    """Return the number of draws if that many fit into the memory.

    Raises:
        InputError: not an integer above zero, or too many.
    """
    num = check_integer("num_samples", num_samples, 1, MOST_DRAWS)
    like = next(model.parameters())
    # the parts and the whole that is made of them
    each = 2 * (model.system.space.size + 1) * max(like.element_size(), 4)
    check_memory("num_samples", num, each, like.device)
    return num


def in_parts(draw: Callable[[int], Any], num: int, size: int) -> Any:
    """Return what `draw` gives for `num` draws, made in parts of bounded size and joined.

    Args:
        draw: gives a tensor, or a tuple or dict of tensors, with one row a draw.
        num: how many.
        size: D, numbers of a configuration.
    """
    part = min(max(PART_NUMBERS // size**2, SMALLEST_PART), LARGEST_PART)
    if num <= part:
        return draw(num)
    parts = [draw(min(part, num - start)) for start in range(0, num, part)]
    first = parts[0]
    if isinstance(first, Tensor):
        return torch.cat(parts)
    if isinstance(first, dict):
        return {name: torch.cat([p[name] for p in parts]) for name in first}
    return tuple(torch.cat(each) for each in zip(*parts, strict=True))
