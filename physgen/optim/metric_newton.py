"""Newton steps measured by the change of a state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from physgen.core.errors import check_positive
from physgen.core.full_precision import full_precision

#: shift of the metric, in units of its own diagonal and absolute
SHIFT, LEAST = 1e-4, 1e-9


class MetricNewton(torch.optim.Optimizer):
    r"""Newton's method in the metric S of the states: $\delta = -X \Lambda_+^{-1} X^T g$, limited in length.

    $Q X = S X \Lambda$ with $X^T S X = 1$: curvatures $\Lambda$ below `least_curvature` count as that much, and a step
    whose length $\sqrt{\delta^T S \delta}$ exceeds `norm_limit` is shortened to it. Where Q is the metric alone the
    step is that of a natural gradient, which the fast directions of few numbers make unstable.

    Args:
        params: groups of parameters; every group takes a step of its own.
        lr: part of the step that is taken.
        least_curvature: smallest curvature, in units of the energy.
        norm_limit: longest step.

    Raises:
        InputError: an argument that is not a positive number.
    """

    def __init__(
        self, params: Iterable[Any], lr: float = 1.0, least_curvature: float = 2.0, norm_limit: float = 0.15
    ) -> None:
        check_positive("learning_rate", lr)
        check_positive("least_curvature", least_curvature)
        check_positive("norm_limit", norm_limit)
        super().__init__(params, {"lr": lr, "least_curvature": least_curvature, "norm_limit": norm_limit})
        #: lengths of the last steps, before they were limited
        self.report: dict[str, float] = {}

    @full_precision
    @torch.no_grad()
    def step(self, closure: Callable[[], Sequence[tuple[Tensor, Tensor, Tensor]]]) -> None:  # type: ignore[override]
        """Take one step.

        Args:
            closure: returns gradient `(P,)`, curvature and metric `(P, P)` of every group, its parameters flattened in
                order; nothing where all stay.
        """
        lengths = []
        with torch.enable_grad():
            found = closure()
        for group, each in zip(self.param_groups, found, strict=False):
            gradient, curvature, metric = (value.double() for value in each)
            metric = metric + torch.diag(SHIFT * metric.diagonal() + LEAST)
            inverse = torch.linalg.inv(torch.linalg.cholesky(metric))
            values, vectors = torch.linalg.eigh(inverse @ (0.5 * (curvature + curvature.mT)) @ inverse.mT)
            along = vectors.mT @ (inverse @ gradient) / values.clamp_min(group["least_curvature"])
            length = float(along.norm())
            along = along * min(1.0, group["norm_limit"] / max(length, 1e-300))
            change = -group["lr"] * (inverse.mT @ (vectors @ along))
            parameters = [p for p in group["params"] if p.numel()]
            for p, part in zip(parameters, change.split([p.numel() for p in parameters]), strict=True):
                p.add_(part.view_as(p).to(p))
            lengths.append(length)
        self.report = {"step_length": max(lengths)} if lengths else {}
