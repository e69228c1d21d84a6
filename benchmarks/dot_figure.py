"""Figure of the README: one-body density of the classical dot by model and Monte Carlo, side by side.

python benchmarks/dot_figure.py [--samples 20000]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from physgen import load_pretrained
from physgen.models.density import BoltzmannDensity
from physgen.samplers import MALA
from physgen.systems import ClassicalDot
from physgen.zoo.index import read_index

TARGET = Path(__file__).parent.parent / "docs" / "dot.png"


def monte_carlo(system: ClassicalDot, samples: int) -> np.ndarray:
    """Return particles `(count, 2)` of independent chains."""
    generator = torch.Generator().manual_seed(0)
    sampler, density = MALA(walkers=500, warm_up_steps=300), BoltzmannDensity(system)
    sampler.start(system.initial(500, generator, dtype=torch.float64), generator, 0.1 * system.thermal_width)
    sampler.warm_up(density)
    return np.concatenate([sampler.sample(density, 20).flatten(0, 1).numpy() for _ in range(samples // 500)])


def main() -> None:
    """Draw one row for each temperature that has entries."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=20_000)
    options = parser.parse_args()
    names = read_index()["pretrained"]
    betas = [b for b in ("10", "1.5") if any(name.startswith(f"classical-dot-n20-beta{b}/") for name in names)]
    figure = Figure(figsize=(10, 3.4 * len(betas)), layout="constrained")
    rows = figure.subplots(len(betas), 3, squeeze=False)
    for axes, beta in zip(rows, betas, strict=True):
        system = ClassicalDot(20, beta=float(beta))
        panels = {"Monte Carlo": monte_carlo(system, options.samples)}
        for kind in ("autoregressive", "mlp-flow"):
            name = f"classical-dot-n20-beta{beta}/{kind}"
            if name in names:
                model = load_pretrained(name).double()
                x, _ = model.sample(options.samples, torch.Generator().manual_seed(1))
                free = f"F = {names[name]['value']:.3f}"
                panels[f"{type(model).__name__}, {free}"] = x.detach().flatten(0, 1).numpy()
        edge = 3.0 if beta == "10" else 3.4
        grid = np.linspace(-edge, edge, 121)
        for axis, (title, x) in zip(axes, panels.items(), strict=False):
            counts = np.histogram2d(x[:, 0], x[:, 1], [grid, grid])[0] / (len(x) / 20 * (grid[1] - grid[0]) ** 2)
            image = axis.pcolormesh(grid, grid, counts.T, cmap="magma", rasterized=True)
            axis.set(title=f"beta = {beta}: {title}", aspect="equal")
            figure.colorbar(image, ax=axis)
        for axis in axes[len(panels) :]:
            axis.set_axis_off()
    TARGET.parent.mkdir(exist_ok=True)
    figure.savefig(TARGET, dpi=90)
    print(f"wrote {TARGET}")


if __name__ == "__main__":
    main()
