"""Cost of ln |det dx/dz| and its gradient: layerwise product against automatic differentiation.

    python -m benchmarks jacobian [--batch 4096] [--chunk 512] [--repeats 7]

Both sides do the same work on the same numbers, chunk by chunk, in turn, and their gradients are compared first.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import jacfwd, vmap

from physgen.nn.flows.jacobian_mlp import JacobianMLP


def layerwise(net: JacobianMLP, z: Tensor) -> Tensor:
    """Return the sum of ln |det dx/dz| and x^2 by the product of the layers' Jacobians."""
    x, log_det, _ = net(z)
    return log_det.sum() + x.square().sum()


def automatic(net: JacobianMLP, z: Tensor) -> Tensor:
    """Return the same by vmap(jacfwd) and slogdet."""

    def twice(one: Tensor) -> tuple[Tensor, Tensor]:
        x = net.value(one)
        return x, x

    jacobian, x = vmap(jacfwd(twice, has_aux=True))(z)
    return torch.linalg.slogdet(jacobian)[1].sum() + x.square().sum()


def pass_over(call: Callable, net: JacobianMLP, z: Tensor, chunk: int) -> tuple[float, Tensor]:
    """Return CPU seconds of forward and backward over all chunks, and the gradient."""
    net.zero_grad()
    start = time.process_time()
    for part in z.split(chunk):
        call(net, part).backward()
    seconds = time.process_time() - start
    return seconds, torch.cat([p.grad.flatten() for p in net.parameters()])


def main(arguments: list[str] | None = None) -> None:
    """Print a table row for float64 and float32."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--chunk", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args(arguments)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    print(
        f"MLP [40, 64, 64, 40], batch {options.batch} in chunks of {options.chunk}, one thread, "
        f"torch {torch.__version__}"
    )
    for dtype in (torch.float64, torch.float32):
        net = JacobianMLP([40, 64, 64, 40]).to(dtype)
        z = torch.randn(options.batch, 40, dtype=dtype)
        gradients = [pass_over(call, net, z, options.chunk)[1] for call in (layerwise, automatic)]
        error = float((gradients[0] - gradients[1]).norm() / gradients[1].norm())
        times: dict[str, list[float]] = {"layerwise": [], "automatic": []}
        for _ in range(options.repeats):
            for call in (layerwise, automatic):
                times[call.__name__].append(pass_over(call, net, z, options.chunk)[0])
        ours, theirs = (statistics.median(t) for t in times.values())
        ratios = sorted(b / a for a, b in zip(*times.values(), strict=True))
        size = torch.finfo(dtype).bits // 8
        print(
            f"{str(dtype)[6:]}: layerwise {ours:.3f} s, jacfwd + slogdet {theirs:.3f} s, ratio {theirs / ours:.2f} "
            f"({ratios[0]:.2f} to {ratios[-1]:.2f}), gradients differ by {error:.1e}; Jacobian "
            f"{options.chunk * 40 * 40 * size / 2**20:.0f} MiB a chunk"
        )
    print(f"peak memory of the process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
