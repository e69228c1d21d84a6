"""Files of samples: draws that `predict` writes, and configurations as training data, `x` `(N, n, dim)`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from physgen.core.archive import names_of, read_arrays
from physgen.core.errors import InputError
from physgen.core.files import writing
from physgen.core.paths import user_path
from physgen.systems import System


def write_samples(path: Path, batches: Sequence[dict[str, Tensor]], samples: int) -> str:
    """Write `samples` rows of the batches to an npz file; return its path with names and shapes.

    Beside a `log_weight` stands `weight`, of mean 1, so that mean(weight * observable) is the reweighted mean.
    """
    arrays: dict[str, Any] = {
        name: torch.cat([batch[name] for batch in batches])[:samples].numpy() for name in batches[0]
    }
    if "log_weight" in arrays:
        shifted = np.exp(arrays["log_weight"] - arrays["log_weight"].max())
        arrays["weight"] = shifted / shifted.mean()
    with writing(path) as file:
        np.savez_compressed(file, **arrays)
    return f"{path}: " + ", ".join(f"{name} {values.shape}" for name, values in arrays.items())


def save_samples(path: str | Path, x: Tensor) -> Path:
    """Write configurations `(N, n, dim)` as float32 into an npz file, at once, and return its path.

    Raises:
        InputError: the file cannot be written.
    """
    path = user_path(path, "samples")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with writing(path) as file:
            np.savez(file, x=x.to(torch.float32).cpu().numpy())
    except OSError as error:
        raise InputError(f"samples {path} cannot be written: {error.strerror or error}") from None
    return path


def load_samples(path: str | Path, system: System, name: str = "samples") -> Tensor:
    """Return the configurations `(N, n, dim)`, float32, of a sample file for `system`; errors call it `name`.

    Raises:
        InputError: no such file, no npz file with `x`, another shape than `(N, n, dim)` of the system, no
            configuration at all, numbers that are not finite, or particles on one spot.
    """
    path = user_path(path, name)
    if not path.is_file():
        raise InputError(f"{name} {path} must be an npz file with x of shape (N, n, dim), got no such file")
    try:
        names = names_of(path)
        x = read_arrays(path, "x").get("x")
    except Exception as error:  # NumPy, zipfile and zlib raise many kinds for damaged files
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise InputError(f"{name} {path} must be an npz file with x of shape (N, n, dim), got {reason}") from None
    if x is None:
        raise InputError(f"{name} {path} must hold an array x, got {', '.join(names) or 'nothing'}")
    wanted = f"({', '.join(map(str, ('N', *system.shape)))})"
    if x.dtype.kind != "f" or x.shape[1:] != system.shape or not len(x):
        raise InputError(f"x in {name} {path} must be real of shape {wanted}, got {x.dtype} {x.shape}")
    with np.errstate(over="ignore"):
        found = torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32))
    bad = int((~found.isfinite()).flatten(1).any(1).sum())
    if bad:
        raise InputError(f"x in {name} {path} must be finite, got {bad} of {len(found)} configurations that are not")
    system.space.check(found, f"x in {name} {path}")
    bad = int((~torch.stack(list(system.terms(found).values())).sum(0).isfinite()).sum())
    if bad:
        raise InputError(f"x in {name} {path} must have a finite energy, got {bad} of {len(found)} that have not")
    return found
