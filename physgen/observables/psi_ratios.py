"""psi at other places over psi where a walker stands."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

#: configurations that psi is asked for at once, on a CPU, whose cache they should fill, and on a GPU
AT_ONCE = (256, 4096)


def psi_ratios(log_psi: Callable[[Tensor], tuple[Tensor, Tensor]], x: Tensor, places: Tensor) -> Tensor:
    r"""Return $\psi(R_m)/\psi(R)$ with its sign, `(batch, m)`.

    Args:
        log_psi: gives sign and ln|psi|, `(batch,)` each, of `(batch, n, dim)`.
        x: configurations R `(batch, n, dim)`.
        places: configurations R_m `(batch, m, n, dim)`.
    """
    sign, log = log_psi(x)
    parts = [log_psi(part) for part in places.flatten(0, 1).split(AT_ONCE[x.device.type == "cuda"])]
    signs, logs = (torch.cat(values).view(places.shape[:2]) for values in zip(*parts, strict=True))
    return sign[:, None] * signs * torch.exp(logs - log[:, None])
