"""Figures of the talk on quantum dots, drawn from the pretrained entries and the kept tables, into docs/.

    python -m benchmarks quantum_dot_figure [--samples 20000]

* `quantum_dot_density.png`: one-body density of N = 6 at omega = 0.1 and of N = 30 at omega = 1, by the RBM with
  Pade-Jastrow factor and by the network, in the plane and against the radius;
* `quantum_dot_terms.png`: kinetic, trap and interaction energy against omega, with the exact curves of N = 2
  (`benchmarks/results/energy_terms.csv`, by `python -m benchmarks energy_terms`);
* `quantum_dot_wigner.png`: pair distribution of N = 6 from omega = 1 to 0.01 in units of the mean distance, and the
  density about the centre of a configuration's outer ring: electrons localise as the trap widens.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from benchmarks.places import DOCS
from benchmarks.rows import read
from physgen import load_pretrained
from physgen.figures.structure import band
from physgen.observables import structure
from physgen.systems.two_electrons import two_electrons
from physgen.zoo.index import read_index

DENSITIES = {
    "N = 6, omega = 0.1": "quantum-dot-2d-n6-omega0.1",
    "N = 30, omega = 1": "quantum-dot-2d-n30-omega1",
}
MODELS = {"RBM x Pade-Jastrow": "rbm-slater-jastrow", "network": "neural-backflow"}
WIGNER = ("1", "0.1", "0.01")
TERMS = {"kinetic": "kinetic", "trap": "trap", "coulomb": "interaction"}
CHAINS = 500


class Draws:
    """Configurations of an entry, from fresh chains.

    Attributes:
        x: `(steps, chains, n, dim)`.
        arrays: its structure, with errors.
    """

    def __init__(self, name: str, samples: int) -> None:
        model = load_pretrained(name).double()
        self.n, generator = model.system.n, torch.Generator().manual_seed(1)
        sampler = model.fresh_sampler(CHAINS)
        model.start_sampler(sampler, generator, 300)
        with torch.no_grad():
            steps = [sampler.sample(model.born) for _ in range(math.ceil(samples / CHAINS))]
        self.x: Tensor = torch.stack(steps)
        self.arrays = {k: v.numpy() for k, v in structure(self.x, n_up=model.system.n_up).items()}


def there(name: str) -> bool:
    """Return whether the zoo holds an entry."""
    return name in read_index()["pretrained"]


def densities(samples: int) -> Figure:
    """Return maps of the density by both models, and the radial densities, a row for each dot."""
    figure = Figure(figsize=(11, 3.4 * len(DENSITIES)), layout="constrained")
    for axes, (title, system) in zip(figure.subplots(len(DENSITIES), 3), DENSITIES.items(), strict=True):
        for axis, colour, (label, model) in zip(axes, ("C0", "C3"), MODELS.items(), strict=False):
            if not there(f"{system}/{model}"):
                axis.set_axis_off()
                continue
            draws = Draws(f"{system}/{model}", samples)
            points = draws.x.flatten(0, 2).numpy()
            edge = float(np.quantile(np.linalg.norm(points, axis=1), 0.9995))
            grid = np.linspace(-edge, edge, 81)
            counts = np.histogram2d(points[:, 0], points[:, 1], [grid, grid])[0]
            counts *= draws.n / (counts.sum() * (grid[1] - grid[0]) ** 2)
            image = axis.pcolormesh(grid, grid, counts.T, cmap="magma", rasterized=True)
            figure.colorbar(image, ax=axis, label="electrons per area")
            axis.set(aspect="equal", xlabel="x / a0", ylabel="y / a0")
            axis.set_title(f"{title}: {label}", fontsize="small")
            band(axes[2], draws.arrays, "radius_edges", "radial_density", colour, label)
            axes[2].set_xlim(0, edge)
        axes[2].set(xlabel="r / a0", ylabel="electrons per area", title=title)
        axes[2].legend(fontsize="small")
    return figure


def terms(samples: int) -> Figure:
    """Return the terms of the energy against the frequency, a panel for each."""
    rows = read("energy_terms")
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    omegas = np.geomspace(min(float(r["omega"]) for r in rows), max(float(r["omega"]) for r in rows), 60)
    exact = [two_electrons(omega) for omega in omegas]
    axes = figure.subplots(1, 3)
    for axis, (term, label) in zip(axes, TERMS.items(), strict=True):
        for colour, n in enumerate(sorted({int(r["n"]) for r in rows})):
            mine = [r for r in rows if int(r["n"]) == n]
            x, y, error = (np.array([float(r[k]) for r in mine]) for k in ("omega", term, f"{term}_error"))
            axis.errorbar(x, y, error, fmt="o", ms=4, color=f"C{colour}", label=f"N = {n}", capsize=2)
        axis.plot(omegas, [getattr(e, term) for e in exact], color="C0", lw=1, label="N = 2, exact")
        axis.set(xlabel="omega", ylabel="energy / Hartree", title=label, xscale="log", yscale="log")
    axes[0].legend(fontsize="small", loc="lower right")
    return figure


def wigner(samples: int) -> Figure:
    """Return g(r) in units of its mean distance, and the map of electrons turned so that one lies on the x-axis."""
    names = {w: f"quantum-dot-2d-n6-omega{w}/neural-backflow" for w in WIGNER}
    names = {w: name for w, name in names.items() if there(name)}
    figure = Figure(figsize=(3.6 * (1 + len(names)), 3.4), layout="constrained")
    axes = figure.subplots(1, 1 + len(names))
    for colour, (axis, (omega, name)) in enumerate(zip(axes[1:], names.items(), strict=True)):
        draws = Draws(name, samples)
        edges, x = draws.arrays["distance_edges"], draws.x.flatten(0, 1)
        first, second = torch.triu_indices(draws.n, draws.n, 1)
        mean = float((x[:, first] - x[:, second]).norm(dim=-1).mean())
        scaled = {**draws.arrays, "distance_edges": edges / mean}
        band(axes[0], scaled, "distance_edges", "g_of_r", f"C{colour}", f"omega = {omega}")
        # the outermost electron is turned onto the x-axis and left out: what is seen are the others about it
        radius = x.norm(dim=-1)
        outer = radius.argmax(-1)
        at = x[torch.arange(len(x)), outer] / radius.max(-1).values[:, None]
        turned = torch.stack([(x * at[:, None]).sum(-1), x[..., 1] * at[:, None, 0] - x[..., 0] * at[:, None, 1]], -1)
        others = turned[torch.arange(draws.n).expand(len(x), -1) != outer[:, None]].numpy()
        edge = float(radius.quantile(0.999)) if radius.numel() < 1e7 else float(radius.max())
        grid = np.linspace(-edge, edge, 71)
        counts = np.histogram2d(others[:, 0], others[:, 1], [grid, grid])[0]
        axis.pcolormesh(grid, grid, counts.T, cmap="magma", rasterized=True)
        axis.set(aspect="equal", title=f"omega = {omega}", xlabel="x / a0", ylabel="y / a0")
    axes[0].axhline(1, color="k", lw=1, ls="--")
    axes[0].set(
        xlim=(0, 1.9), ylim=(0, 1.6), xlabel="distance / mean distance", ylabel="g(r)", title="N = 6: pair distribution"
    )
    axes[0].legend(fontsize="small")
    return figure


def main(arguments: list[str] | None = None) -> None:
    """Draw everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--only", choices=("density", "terms", "wigner"))
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    drawings: dict[str, Callable] = {"density": densities, "terms": terms, "wigner": wigner}
    for name, drawing in drawings.items():
        if options.only in (None, name):
            path = DOCS / f"quantum_dot_{name}.png"
            drawing(options.samples).savefig(path, dpi=90)
            print(f"wrote {path.name}, {path.stat().st_size / 1000:.0f} kB")
