"""Cost of a neural wavefunction's local energy by the forward Laplacian, against a forward pass and against autograd.

python benchmarks/forward_laplacian.py [--batch 256] [--n 2 6 12] [--rounds 5] [--model NeuralBackflow]

All calls take turns within one run; CPU-milliseconds a batch, medians over rounds; `step` is one of the optimiser
(SPRING in sample space) and `sample` the moves of the walkers between two of them.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from physgen.models import Model
from physgen.nn.derivatives import autograd_derivatives
from physgen.objectives.variational_energy import local_energies
from physgen.optim import StochasticReconfiguration
from physgen.systems import QuantumDot


def seconds(call: Callable[[], object]) -> float:
    """Return CPU seconds of one call."""
    start = time.process_time()
    call()
    return time.process_time() - start


def calls_of(kind: str, n: int, batch: int, dtype: torch.dtype) -> dict[str, Callable[[], object]]:
    """Return what is timed, on a model of its default size."""
    torch.manual_seed(0)
    model = Model.lookup(kind)(QuantumDot(n), sampler={"class_path": "MALA", "init_args": {"walkers": batch}})
    model.to(dtype)
    model.start_sampler(model.sampler, torch.Generator().manual_seed(0), warm_up=20)
    x = model.sampler.x
    optimizer = StochasticReconfiguration(list(model.parameters()), lr=1e-9)
    jacobian, weights = model.jacobian(x), local_energies(model, x).weights

    def forward() -> None:
        with torch.no_grad():
            model.log_psi(x)

    return {
        "forward": forward,
        "local energy": lambda: model.local_energy(x),
        "by autograd": lambda: autograd_derivatives(model.net, x),
        "gradients": lambda: model.jacobian(x),
        "step": lambda: optimizer.step(lambda: (jacobian, weights)),
        "sample": lambda: model.sampler.sample(model.density),
    }


def main() -> None:
    """Print medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--n", type=int, nargs="+", default=[2, 6, 12])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--model", default="NeuralBackflow")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{options.model}, batch {options.batch}, one thread, CPU-milliseconds (times a forward pass)")
    for n in options.n:
        for dtype in (torch.float64, torch.float32):
            calls = calls_of(options.model, n, options.batch, dtype)
            for call in calls.values():
                call()
            rounds = [{name: seconds(call) for name, call in calls.items()} for _ in range(options.rounds)]
            parts = []
            for name in calls:
                ratio = statistics.median(r[name] / r["forward"] for r in rounds)
                parts.append(f"{name} {1e3 * statistics.median(r[name] for r in rounds):.1f} ({ratio:.1f})")
            print(f"n={n:2} {str(dtype).removeprefix('torch.')}: {', '.join(parts)}")


if __name__ == "__main__":
    main()
