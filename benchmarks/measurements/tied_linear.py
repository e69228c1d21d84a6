"""Cost of linear layers with tied weights against the dense matrix they stand for.

    python -m benchmarks tied_linear [--sizes 20 200 2000] [--batch 64] [--repeats 5]

Value, ln |det W| and inverse of a batch of configurations in the plane, float64, one thread. Every size is measured in
turns on the same numbers, the results are compared first; CPU seconds, medians, and the ratio's range.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from physgen.nn.tied.tied_linear import (
    PermutationRotationTiedLinear,
    PermutationTiedLinear,
    RotationTiedLinear,
    TiedLinear,
)

LAYERS: dict[str, Callable[[int], TiedLinear]] = {
    "permutation": lambda n: PermutationTiedLinear(n, 2, noise=0.3),
    "rotation": lambda n: RotationTiedLinear(n, 2, noise=0.3),
    "both": lambda n: PermutationRotationTiedLinear(n, 2, noise=0.3),
}


def tied(layer: TiedLinear, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return y = W x + b, ln |det W| and the inverse of y by the closed forms."""
    y, log_det = layer(x)
    return y, log_det, layer.inverse(y)[0]


def dense(matrix: Tensor, offset: Tensor, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the same from the full matrix."""
    y = x.flatten(1) @ matrix.mT + offset
    back = torch.linalg.solve(matrix, (y - offset).mT).mT
    return y.view_as(x), torch.linalg.slogdet(matrix)[1], back.view_as(x)


def seconds(call: Callable) -> float:
    """Return the CPU seconds of one call, the mean over enough of them to measure."""
    start, count = time.process_time(), 0
    while time.process_time() - start < 0.02:
        call()
        count += 1
    return (time.process_time() - start) / count


@torch.no_grad()
def main(arguments: list[str] | None = None) -> None:
    """Print a row for every layer and size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[20, 200, 2000])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args(arguments)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    print(f"value, ln |det W| and inverse, batch {options.batch}, d = 2, one thread, torch {torch.__version__}")
    print(
        f"{'layer':12}{'n':>6}{'parameters':>12}{'dense':>12}{'tied / s':>12}{'dense / s':>12}  ratio (range)   error"
    )
    for name, make in LAYERS.items():
        for n in options.sizes:
            layer, x = make(n), torch.randn(options.batch, n, 2)
            matrix, offset = layer.dense()
            found, full = tied(layer, x), dense(matrix, offset, x)
            error = max(float(((a - b).abs() / (1 + b.abs())).max()) for a, b in zip(found, full, strict=True))
            times = [
                (seconds(lambda: tied(layer, x)), seconds(lambda: dense(matrix, offset, x)))  # noqa: B023
                for _ in range(options.repeats)
            ]
            ours, theirs = (statistics.median(t) for t in zip(*times, strict=True))
            ratios = sorted(b / a for a, b in times)
            count = sum(p.numel() for p in layer.parameters())
            print(
                f"{name:12}{n:6}{count:12}{matrix.numel() + offset.numel():12}{ours:12.2e}{theirs:12.2e}  "
                f"{theirs / ours:.1f} ({ratios[0]:.1f} to {ratios[-1]:.1f})   {error:.0e}",
                flush=True,
            )
