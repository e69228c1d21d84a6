"""Figure of light nuclei, drawn from the pretrained entries into docs/light_nuclei.png.

    python -m benchmarks light_nuclei_figure [--samples 40000]

The distance of the nucleons of the deuteron beside the exact one, its waves in momentum space beside those by
diagonalisation, and the densities of protons and neutrons in 3H, 3He and 4He.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.places import DOCS
from physgen import load_pretrained
from physgen.figures.structure import band
from physgen.observables.base import as_arrays
from physgen.zoo.index import read_index

PAIRS = {
    "cutoff 2 / fm": "light-nucleus-2h-lo-pionless-cutoff2/nuclear-correlator",
    "cutoff 6 / fm": "light-nucleus-2h-lo-pionless-cutoff6/nuclear-correlator",
    "model o": "light-nucleus-2h-model-o/nuclear-correlator",
}
WAVES = "deuteron-one-pion-64-k30/deuteron-network"
NUCLEI = {nuclide: f"light-nucleus-{nuclide.lower()}-model-o-r1/nuclear-correlator" for nuclide in ("3H", "3He", "4He")}
#: momenta up to here are drawn, in 1/fm
HIGHEST = 5.0


def arrays(name: str, samples: int) -> tuple[Any, dict[str, np.ndarray]]:
    """Return an entry's model and the histograms of fresh draws."""
    model = load_pretrained(name)
    found: dict[str, np.ndarray] = {}
    model.observe(samples=samples, seed=1)
    for observable in model.measurements.observables:
        found |= as_arrays(observable.histograms(model.evaluated.double().cpu()))
    return model, found


def pairs(axes: Axes, samples: int) -> None:
    """Draw the distance of proton and neutron, beside the exact one."""
    for colour, (label, name) in enumerate(PAIRS.items()):
        model, found = arrays(name, samples)
        band(axes, found, "pair_edges", "pair_density", f"C{colour}", label)
        exact = model.system.exact()
        axes.plot(exact.distance, (exact.waves**2).sum(0), "k--", lw=1, label="exact" if colour == 0 else None)
    axes.set(xlabel="distance r in fm", ylabel=r"$u^2(r)$ in 1/fm", title="2H: distance of proton and neutron")
    axes.set_xlim(0, 12)


def waves(axes: Axes, samples: int) -> None:
    """Draw the waves of the deuteron in momentum space, beside those by diagonalisation."""
    _, found = arrays(WAVES, samples)
    near = found["momenta"] < HIGHEST
    for colour, (order, wave, exact) in enumerate(zip(found["orders"], found["waves"], found["exact"], strict=True)):
        axes.plot(found["momenta"][near], wave[near], f"C{colour}", label={0: "S", 2: "D"}[int(order)])
        axes.plot(found["momenta"][near], exact[near], "k--", lw=1, label="exact" if colour == 0 else None)
    axes.set(xlabel="momentum k in 1/fm", ylabel=r"$\psi_L(k)$ in fm$^{3/2}$", title="2H: waves, ten units")


def densities(axes: Axes, samples: int) -> None:
    """Draw the densities of protons, and of neutrons dashed."""
    for colour, (nuclide, name) in enumerate(NUCLEI.items()):
        _, found = arrays(name, samples)
        middle = (found["nucleon_edges"][1:] + found["nucleon_edges"][:-1]) / 2
        for kind, style in (("proton", "-"), ("neutron", "--")):
            axes.errorbar(
                middle,
                found[f"{kind}_density"],
                found[f"{kind}_density_error"],
                fmt=style,
                color=f"C{colour}",
                lw=1,
                label=f"{nuclide} {kind}s",
            )
    axes.set(xlabel="distance from the centre of mass in fm", ylabel=r"density in fm$^{-3}$", title="model o")
    axes.set_xlim(0, 4)


def main(arguments: list[str] | None = None) -> None:
    """Draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=40_000)
    options = parser.parse_args(arguments)
    missing = {WAVES, *PAIRS.values(), *NUCLEI.values()} - set(read_index()["pretrained"])
    if missing:
        raise SystemExit(f"not in the zoo: {', '.join(sorted(missing))}")
    figure = Figure(figsize=(12, 3.8), layout="constrained")
    for axes, draw in zip(figure.subplots(1, 3), (pairs, waves, densities), strict=True):
        draw(axes, options.samples)
        axes.legend(fontsize="small")
    figure.savefig(DOCS / "light_nuclei.png", dpi=150)
