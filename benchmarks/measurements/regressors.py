"""Regressions that parametric matrix models are set beside: kernel ridge, a tuned network, a Gaussian process."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor


def baselines(x: Tensor, y: Tensor, far: Tensor, seed: int) -> dict[str, Tensor]:
    """Return predictions `(N,)` at `far` of a tuned network and of kernel ridge regression, by `(M, d)` and `(M,)`."""
    held = max(1, len(x) // 10)
    mean, spread = y.mean(), y.std()
    z = (y - mean) / spread

    def ridge(width: float, penalty: float, part: slice) -> Callable[[Tensor], Tensor]:
        centres = x[part]
        gram = torch.exp(-torch.cdist(centres, centres).square() / (2 * width**2))
        weights = torch.linalg.solve(gram + penalty * torch.eye(len(centres)), z[part])
        return lambda t: torch.exp(-torch.cdist(t, centres).square() / (2 * width**2)) @ weights

    grid = [(w, p) for w in (0.1, 0.2, 0.3, 0.5, 1.0) for p in (1e-10, 1e-8, 1e-6, 1e-4, 1e-2)]
    train = slice(0, len(x) - held)
    best = min(grid, key=lambda g: float((ridge(*g, train)(x[-held:]) - z[-held:]).abs().mean()))
    found = {"kernel ridge": ridge(*best, slice(None))(far)}
    candidates = []
    for width, rate in ((32, 1e-2), (64, 3e-3)):
        torch.manual_seed(seed)
        net = torch.nn.Sequential(
            torch.nn.Linear(x.shape[1], width), torch.nn.Tanh(), torch.nn.Linear(width, width), torch.nn.Tanh(),
            torch.nn.Linear(width, 1),
        )  # fmt: skip
        optimizer = torch.optim.Adam(net.parameters(), lr=rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 3000)
        for _ in range(3000):
            optimizer.zero_grad()
            (net(x[train])[:, 0] - z[train]).square().mean().backward()
            optimizer.step()
            schedule.step()
        with torch.no_grad():
            candidates.append((float((net(x[-held:])[:, 0] - z[-held:]).abs().mean()), net(far)[:, 0]))
    found["network"] = min(candidates, key=lambda c: c[0])[1]
    return {name: mean + spread * value for name, value in found.items()}


def log_process(x: Tensor, y: Tensor, far: Tensor) -> Tensor:
    """Return a Gaussian process of ln y over ln x `(M,)` at `far` `(N,)`, about a line, its width by the evidence."""
    low, high, target = x.log(), far.log(), y.log()
    design = torch.stack([torch.ones_like(low), low], 1)

    def kernel(a: Tensor, b: Tensor, width: float) -> Tensor:
        return torch.exp(-(a[:, None] - b).square() / (2 * width**2))

    def fitted(width: float) -> tuple[float, Tensor]:
        inverse = torch.linalg.inv(kernel(low, low, width) + 1e-9 * torch.eye(len(low)))
        line = torch.linalg.solve(design.T @ inverse @ design, design.T @ inverse @ target)
        rest = target - design @ line
        scale = float(rest @ inverse @ rest) / len(low)
        evidence = -0.5 * len(low) * math.log(scale) + 0.5 * float(torch.logdet(inverse))
        mean = torch.stack([torch.ones_like(high), high], 1) @ line
        return evidence, mean + kernel(high, low, width) @ (inverse @ rest)

    found = [fitted(float(width)) for width in torch.logspace(-1, 1, 81)]
    return max(found, key=lambda one: one[0])[1].exp()
