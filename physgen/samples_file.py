"""The file that `predict` writes draws into."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from physgen.core.files import writing


def write_samples(folder: Path, batches: Sequence[dict[str, Tensor]], samples: int) -> str:
    """Write `samples` rows of the batches to `folder/samples.npz`; return its path with names and shapes.

    Beside a `log_weight` stands `weight`, of mean 1, so that mean(weight * observable) is the reweighted mean.
    """
    arrays = {name: torch.cat([batch[name] for batch in batches])[:samples].numpy() for name in batches[0]}
    if "log_weight" in arrays:
        shifted = np.exp(arrays["log_weight"] - arrays["log_weight"].max())
        arrays["weight"] = shifted / shifted.mean()
    path = folder / "samples.npz"
    with writing(path) as file:
        np.savez_compressed(file, **arrays)
    return f"{path}: " + ", ".join(f"{name} {values.shape}" for name, values in arrays.items())
