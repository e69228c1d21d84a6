"""Cost of gradient and Laplacian of the Gaussian-binary RBM in closed form, against its forward pass and autograd.

python -m benchmarks rbm_derivatives [--batch 1024] [--n 6] [--hidden 12]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from physgen.nn.derivatives import autograd_derivatives
from physgen.nn.machines.gaussian_binary import GaussianBinary


def seconds(call: Callable[[], object], repeats: int) -> float:
    """Return CPU seconds of one call, averaged over `repeats`."""
    start = time.process_time()
    for _ in range(repeats):
        call()
    return (time.process_time() - start) / repeats


def main(arguments: list[str] | None = None) -> None:
    """Print medians over interleaved rounds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--n", type=int, default=6)
    parser.add_argument("--hidden", type=int, default=12)
    options = parser.parse_args(arguments)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    machine = GaussianBinary(options.n, 2, options.hidden, 1.0, True, False).double()
    x = torch.randn(options.batch, options.n, 2, dtype=torch.float64)

    def net(y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        value = machine(y)
        return torch.ones_like(value), value

    with torch.no_grad():
        calls = {
            "forward": lambda: machine(x),
            "closed form": lambda: machine.derivatives(x),
            "autograd": lambda: autograd_derivatives(net, x),
        }
        for call in calls.values():
            call()
        rounds = [{k: seconds(c, 3 if k == "autograd" else 50) for k, c in calls.items()} for _ in range(9)]
    medians = {k: statistics.median(r[k] for r in rounds) for k in calls}
    print(f"RBM n={options.n}, {options.hidden} hidden units, batch {options.batch}, float64, one thread")
    for name, value in medians.items():
        ratio = statistics.median(r[name] / r["forward"] for r in rounds)
        print(f"{name:12} {1e3 * value:8.3f} ms, {ratio:6.2f} x forward")
