"""Configurations as a user gives them, tensors or arrays, checked and in the precision that is wanted."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from physgen.core.errors import InputError, check, said


def fits(x: Any, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> bool:
    """Return whether `x` can be taken as it is: a tensor `(batch, n, dim)` of this dtype on this device; in 1 us."""
    return (
        isinstance(x, Tensor)
        and x.dtype is dtype
        and x.shape[1:] == shape
        and x.device == device
        and x.layout is torch.strided
        and not torch.is_inference_mode_enabled()
    )


def as_configurations(
    x: Any, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device, batched: bool = True
) -> Tensor:
    """Return `x` as a tensor `(batch, n, dim)` of `dtype` on `device`; gradients follow a conversion of tensors.

    Args:
        x: tensor or array of real numbers, in any precision and any layout in memory.
        shape: of one configuration.
        dtype: precision that is wanted.
        device: where a tensor must be, and an array is brought to.
        batched: whether exactly one axis of a batch must come first; else any number of axes may.

    Raises:
        InputError: neither a tensor nor an array, of another shape, not of real numbers, or on another device.
    """
    if not isinstance(x, (Tensor, np.ndarray)):
        raise InputError(f"x must be a tensor or an array of the shape {wanted(shape, batched)}, got {said(x)}")
    # a view of records or bytes has another shape than it shows
    axes = len(shape)
    right = x.ndim == axes + 1 if batched else x.ndim >= axes
    check(right and tuple(x.shape[-axes:]) == shape, "x", tuple(x.shape), f"of the shape {wanted(shape, batched)}")
    if isinstance(x, np.ndarray):
        check(x.dtype.kind in "fiu", "x", str(x.dtype), "an array of real numbers")
        # other byte orders, negative strides and more than 64 bits are unknown to torch
        return torch.from_numpy(np.array(x, dtype=np.float64, order="C", subok=False)).to(device, dtype)
    check(x.layout is torch.strided, "x", str(x.layout), "a dense tensor")
    check(not x.is_quantized and not x.is_complex() and x.dtype is not torch.bool, "x", x.dtype, "of real numbers")
    check(x.device == device, "x", str(x.device), f"on the device of the model, {device}")
    if x.is_inference() and not torch.is_inference_mode_enabled():
        x = x.clone()
    return torch.as_tensor(x, dtype=dtype)


def wanted(shape: tuple[int, ...], batched: bool) -> str:
    """Return the shape of configurations in words."""
    return f"({', '.join(('batch' if batched else '...', *map(str, shape)))})"


def as_arrays(value: Any) -> Any:
    """Return tensors, also those in tuples and dicts, as NumPy arrays."""
    if isinstance(value, Tensor):
        return value.detach().cpu().numpy()
    if isinstance(value, dict):
        return {k: as_arrays(v) for k, v in value.items()}
    return tuple(as_arrays(v) for v in value)
