"""Mean of an observable along Markov chains, with an error that knows their correlation."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics.utilities import dim_zero_cat

from physgen.core.errors import check
from physgen.stats.autocorrelation import integrated_autocorrelation_time, split_rhat
from physgen.stats.blocking import blocked_error
from physgen.stats.precision import PreciseMetric, widened


class BlockedMean(PreciseMetric):
    """Mean over steps and chains with blocked error, autocorrelation time and R-hat.

    Every value is kept in float64 (float32 on mps): `8 steps chains` bytes. Under DDP each rank holds its own chains,
    and all ranks the same number of steps: the series are set side by side along the chain axis, never one after
    another. Numbers of chains may differ, and a rank without any value is left out. States are not in the state dict.

        >>> metric = BlockedMean()
        >>> for _ in range(3):
        ...     metric.update(torch.tensor([3.0, 3.0]))
        >>> result = metric.compute()
        >>> float(result["mean"]), float(result["error"]), float(result["count"])
        (3.0, 0.0, 6.0)

    Args:
        kwargs: those of `torchmetrics.Metric`.
    """

    is_differentiable = False
    # A batch is more steps of the same chains while another rank is more chains: no one rule merges both, so
    # `forward` must not merge states.
    full_state_update = True
    values: list[Tensor] | Tensor
    shape: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # Flat, because torchmetrics joins lists along dimension 0 on a rank (steps) and over ranks (chains) alike;
        # the stacked shapes say how to cut the joined values again.
        self.add_state("values", [], dist_reduce_fx="cat")
        self.add_state("shape", torch.zeros(2, dtype=torch.int64), dist_reduce_fx=None)

    def update(self, values: Tensor) -> None:
        """Record `values` of one step `(chains,)` or of several `(steps, chains)`, any unit.

        NaN is kept and shows in the result: a diverged run must not look well.

        Raises:
            InputError: the shape is another, or the number of chains differs from that of earlier updates.
        """
        size = tuple(values.shape)
        check(values.ndim in (1, 2) and values.numel() > 0, "values", size, "not empty, (chains,) or (steps, chains)")
        check(not values.is_complex(), "values", values.dtype, "real")
        chains = size[-1]
        before, known = self.shape.tolist()
        check(known in (0, chains), "values", size, f"of {known} chains like earlier updates")
        # A copy: samplers may write their next energies into the same memory.
        assert isinstance(self.values, list)  # of one rank, before torchmetrics joins them
        self.values.append(widened(values.detach(), self.device).flatten().clone())
        self.shape = torch.tensor([before + values.numel() // chains, chains], device=self.shape.device)

    def series(self) -> Tensor:
        """Return what was recorded, `(steps, chains)`; inside `compute` the chains of all ranks.

        Raises:
            InputError: nothing was recorded, or ranks hold different numbers of steps.
        """
        shapes = self.shape.reshape(-1, 2).tolist()
        check(any(steps for steps, _ in shapes), "BlockedMean", "no value", "updated before compute")
        pieces = dim_zero_cat(self.values).split([steps * chains for steps, chains in shapes])
        held = [piece.reshape(shape) for piece, shape in zip(pieces, shapes, strict=True) if shape[0]]
        steps = [len(piece) for piece in held]
        check(len(set(steps)) == 1, "steps", steps, "the same on all ranks")
        return torch.cat(held, dim=1)

    def compute(self) -> dict[str, Tensor]:
        """Return scalars `mean`, `error`, `variance`, `tau`, `rhat`, `count`.

        `error` is one standard error by `blocked_error`, `variance` that of single values, `tau` the
        `integrated_autocorrelation_time` in recorded steps, `rhat` the `split_rhat`, `count` the number of values.

        Raises:
            InputError: nothing was recorded, or ranks hold different numbers of steps.
        """
        series = self.series()
        blocked = blocked_error(series)
        return {
            "mean": blocked.mean,
            "error": blocked.error,
            "variance": blocked.variance,
            "tau": integrated_autocorrelation_time(series),
            "rhat": split_rhat(series),
            "count": blocked.mean.new_tensor(series.numel()),
        }
