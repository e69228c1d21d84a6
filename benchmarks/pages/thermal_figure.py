"""Two particles in a trap from the ground state to the classical gas, into docs/thermal_dots.png.

    python -m benchmarks thermal_figure

Exact quantum energies of three species and those of classical charges over the temperature, with what `QuantumEnsemble`
measured (`results/thermal_dots.csv`); how the quantum energies go to the classical ones; densities of the entries at
beta omega = 2 beside classical ones of the same trap.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.places import DOCS, ROOT
from benchmarks.rows import read
from physgen import load_pretrained
from physgen.systems import ClassicalDot, thermal_pair, two_charges

SPECIES = {"electrons": "C0", "polarised": "C1", "bosons": "C2"}
#: temperatures over omega
TEMPERATURES = np.geomspace(0.1, 2.1, 14)


def classical_energy(omega: float, beta: float) -> float:
    r"""Return the mean energy of two classical charges in $\tfrac12 \omega^2 r^2 + 1/r_{12}$, kinetic energy included.

    With lengths in 1/e and energies in e = (omega^2 / 2)^(1/3) it is the `ClassicalDot` at beta e.
    """
    unit = (omega**2 / 2) ** (1 / 3)
    return 2 / beta + unit * two_charges(beta * unit).energy


def energies(figure: Figure) -> None:
    """Draw energies over the temperature, and what is left of them above the classical ones."""
    left, middle = figure.subplots(1, 3)[:2]
    classical = np.array([classical_energy(1.0, 1 / t) for t in TEMPERATURES])
    left.plot(TEMPERATURES, classical, "k--", label="classical charges")
    rows = [r for r in read("thermal_dots") if r["case"].startswith("2-") and r["case"].split("-")[2] == "1"]
    for species, colour in SPECIES.items():
        exact = np.array([thermal_pair(1.0, 1 / t, 1.0, species).energy for t in TEMPERATURES])
        left.plot(TEMPERATURES, exact, colour, label=f"{species}, exact")
        middle.plot(TEMPERATURES, exact - classical, colour)
        own = [r for r in rows if r["case"].split("-")[1] == species]
        t = np.array([1 / float(r["case"].split("-")[3]) for r in own])
        value, error = (np.array([float(r[k]) for r in own]) for k in ("energy", "energy_error"))
        below = np.array([classical_energy(1.0, 1 / at) for at in t])
        label = "QuantumEnsemble" if species == "electrons" else None
        left.errorbar(t, value, error, fmt="o", color=colour, ms=4, label=label)
        middle.errorbar(t, value - below, error, fmt="o", color=colour, ms=4)
    left.set(
        xscale="log", yscale="log", xlabel=r"$k_B T / \omega$", ylabel=r"$E$ (Ha$^*$)", title="two particles, omega = 1"
    )
    middle.axhline(0, color="k", ls="--", lw=1)
    middle.set(xscale="log", xlabel=r"$k_B T / \omega$", ylabel=r"$E - E_{\mathrm{classical}}$ (Ha$^*$)")
    left.legend(fontsize=7)


def densities(axes: Axes, samples: int) -> None:
    """Draw densities of the entries at beta omega = 5, and of classical charges in the same trap."""
    for species, colour in SPECIES.items():
        name = f"thermal-quantum-dot-n2-omega1-beta2-{species}/quantum-ensemble"
        if (ROOT / "checkpoints" / name / "weights.ckpt").is_file():
            found = load_pretrained(name).density(samples)
            axes.errorbar(found.r, found.value, found.error, color=colour, lw=1)
    unit = (1.0 / 2) ** (1 / 3)
    dot = ClassicalDot(2, beta=2 * unit)
    x = dot.initial(samples, torch.Generator().manual_seed(1), dtype=torch.float64)
    generator = torch.Generator().manual_seed(2)
    for _ in range(300):  # Metropolis, in the units of the classical dot
        new = x + 0.5 * torch.randn(x.shape, generator=generator, dtype=x.dtype)
        change = dot.beta * (dot.energy(x) - dot.energy(new))
        taken = torch.rand(len(x), generator=generator, dtype=x.dtype).log() < change
        x = torch.where(taken[:, None, None], new, x)
    radius = (x.square().sum(-1).sqrt() / unit).flatten().numpy()
    edges = np.linspace(0, 4, 41)
    counts = np.histogram(radius, edges)[0] / samples / (np.pi * np.diff(edges**2))
    axes.plot((edges[1:] + edges[:-1]) / 2, counts, "k--")
    axes.set(xlabel=r"$r$ ($a_B^*$)", ylabel="particles per area", title="beta omega = 2", xlim=(0, 4))


def main(arguments: list[str] | None = None) -> None:
    """Write the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=20_000)
    options = parser.parse_args(arguments)
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    energies(figure)
    densities(figure.axes[2], options.samples)
    figure.savefig(DOCS / "thermal_dots.png", dpi=200)
    print(f"wrote {DOCS / 'thermal_dots.png'}")


if __name__ == "__main__":
    main()
