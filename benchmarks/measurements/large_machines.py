"""ln Z of a Boltzmann machine with both layers above 20 units, beside Kaufman's formula.

    python -m benchmarks large_machines [--betas 0.3 0.44] [--temperatures 200 1000] [--seeds 1 2]

One hidden spin a bond makes the Ising model on a torus exactly, 2 cosh(w (s + s')) = A exp(beta s s') with
cosh 2w = exp(2 beta), so that ln Z = ln Z_Ising + 2 L^2 ln A: 256 visible and 512 hidden units at L = 16.
"""

from __future__ import annotations

import argparse
import math
import time

import torch

from physgen.models.annealed_boltzmann import LONGER, PATHS, AnnealedBoltzmann
from physgen.nn.machines.boltzmann_units import SpinUnits
from physgen.nn.machines.restricted_boltzmann import RestrictedBoltzmann
from physgen.systems.kaufman import kaufman

SIZE = 16


def ising_machine(size: int, beta: float) -> tuple[RestrictedBoltzmann, float]:
    """Return the machine, float64, and its exact ln Z."""
    width = 0.5 * math.acosh(math.exp(2 * beta))
    machine = RestrictedBoltzmann(SpinUnits(), SpinUnits(), size**2, 2 * size**2, biases=False).double()
    site = torch.arange(size**2).view(size, size)
    ends = torch.cat([torch.stack([site, site.roll(-1, axis)], -1).view(-1, 2) for axis in (0, 1)])
    with torch.no_grad():
        machine.weight.zero_()
        machine.weight[ends.flatten(), torch.arange(len(ends)).repeat_interleave(2)] = width
    constant = math.log(2 * math.cosh(2 * width)) - beta
    return machine, kaufman(size, size, beta).log_z + 2 * size**2 * constant


def main(arguments: list[str] | None = None) -> None:
    """Print a line for every temperature of the model, length of the paths and seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--betas", nargs="+", type=float, default=[0.3, 0.44])
    parser.add_argument("--temperatures", nargs="+", type=int, default=[200, 1000])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2])
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    print(f"{SIZE} x {SIZE} torus, {PATHS} paths in each direction; by weights from either end, and by both")
    print("beta  steps  seed  from below  from above  ln Z - exact  error  overlap  CPU-s")
    for beta in options.betas:
        machine, exact = ising_machine(SIZE, beta)
        for steps in options.temperatures:
            for seed in options.seeds:
                start = time.process_time()
                found = AnnealedBoltzmann(machine, steps, torch.Generator().manual_seed(seed))
                spent = time.process_time() - start
                print(
                    f"{beta:<5} {LONGER * steps:5} {seed:5}  {found.forward - exact:+10.3f}  "
                    f"{found.reverse - exact:+10.3f}  {float(found.log_z) - exact:+12.3f}  {found.log_z_error:5.3f}  "
                    f"{found.overlap:7.3f}  {spent:5.0f}",
                    flush=True,
                )
