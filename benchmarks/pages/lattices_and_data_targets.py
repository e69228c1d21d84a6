"""The table of docs/lattices-and-data.md that sets what was found, seed by seed, beside what was asked for."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

from benchmarks.pages.lattices_and_data_tables import NOTHING, sigmas
from benchmarks.pages.parametric_matrices_tables import PUBLISHED, numbers, rows
from benchmarks.rows import read
from physgen.zoo.markdown import markdown

Row = dict[str, str]


def off(row: Row) -> float:
    """Return the distance of F_theta to the exact F in units of it."""
    return (float(row["free_energy"]) - float(row["exact_free_energy"])) / abs(float(row["exact_free_energy"]))


def ladder(row: Row) -> float:
    """Return the largest step down of ELBO, IW-10, IW-100 and the bound by the entropy: below zero if they rise."""
    rungs = [float(row[name]) for name in ("elbo", "iw_10", "iw_100")] + [-float(row["entropy"])]
    return max(low - high for low, high in zip(rungs, rungs[1:], strict=False))


#: symbol, value in a row, digits
QUANTITIES: dict[str, tuple[str, Callable[[Row], float], str]] = {
    "off": ("(F_theta - F)/abs F", off, ".1e"),
    "sigma": ("its sigma", lambda row: float(sigmas(row, "free_energy")), "+.0f"),
    "weights": ("F by weights, sigma", lambda row: abs(float(sigmas(row, "free_energy_importance"))), ".1f"),
    "ess": ("ESS", lambda row: float(row["ess"]), ".3f"),
    "kl": ("KL(p, exact)", lambda row: float(row["kl"]), ".3f"),
    "forward_kl": ("KL(exact, p)", lambda row: float(row["forward_kl"]), ".3f"),
    "ladder": ("ELBO, IW-10, IW-100, bound: largest step down", ladder, ".3f"),
    "seconds": ("CPU-s", lambda row: float(row["train_cpu_seconds"]), ".0f"),
}
#: those that are to be large
LEAST = ("ess", "sigma")
ISING = {"off": 5e-5, "sigma": -3.0, "ess": 0.95, "seconds": 240.0}
#: bounds of the rows of `benchmarks/results/lattices_and_data.csv`; none where a figure is asked for, whatever it is
ASKED: dict[str, dict[str, float | None]] = {
    "ising-l16-beta0.3": {**ISING},
    "ising-l16-beta0.44": {**ISING},
    "ising-l16-beta0.6": {**ISING},
    "ising-l32-beta0.44069": {"off": 2e-4, "seconds": None},
    "ising-l16-beta0.44-masked": {"off": None, "ess": None, "forward_kl": None},
    "ising-l4-machine": {"forward_kl": 0.02, "ess": 0.96, "seconds": 10.0},
    "bars-and-stripes-l3": {"forward_kl": 0.2},
    "bars-and-stripes-l4": {"forward_kl": 0.4},
    "taut-density": {"forward_kl": None},
    "ising-l4-autoencoder": {"forward_kl": 0.2, "weights": 3.0, "ladder": 0.0},
    "dot-n6-flow-matching": {"kl": 0.15, "ess": 0.75, "weights": 3.0, "seconds": 120.0},
    "dot-n6-data-free-diffusion": {"kl": 0.7, "ess": 0.3},
    "dot-n20-beta10-flow-matching": {"kl": None, "ess": None},
    "dot-n20-beta1.5-flow-matching": {"kl": None, "ess": None},
}


def line(case: str, found: Sequence[tuple[str, Sequence[float], float | None, bool, str]]) -> list[str]:
    """Return the cells of a case: each quantity with its values, its bound, whether it is a least one, its digits."""
    asked, shown, missed = [], [], []
    for symbol, values, bound, least, digits in found:
        shown.append(f"{symbol} {', '.join(format(value, digits) for value in values)}")
        if bound is None:
            continue
        asked.append(f"{symbol} {'>=' if least else '<='} {bound:g}")
        if not all(value >= bound if least else value <= bound for value in values):  # NaN keeps no bound
            missed.append(symbol)
    reached = f"no: {', '.join(missed)}" if missed else "yes" if asked else ""
    return [case, "; ".join(asked) or "a figure", "; ".join(shown), reached]


def of_rows() -> list[list[str]]:
    """Return the lines of densities and machines."""
    kept = read("lattices_and_data")
    lines = []
    for case, bounds in ASKED.items():
        own = [row for row in kept if row["case"] == case]
        if own:
            found = []
            for name, bound in bounds.items():
                symbol, value, digits = QUANTITIES[name]
                found.append((symbol, [value(row) for row in own], bound, name in LEAST, digits))
            lines.append(line(case, found))
    return lines


def of_matrices() -> list[list[str]]:
    """Return the lines of parametric matrices."""
    lines = []
    dots = [[abs(v) for v in numbers(row["errors"])] for row in rows("energies", "(1/l^2, 1/l, omega), 1 x 1")]
    if dots:
        ends = [
            ("at 10", [v[3] for v in dots], 2e-3, False, ".0e"),
            ("at 0.01", [v[0] for v in dots], 3e-2, False, ".1e"),
        ]
        lines.append(line("E(omega) by 1/l^2, 1/l, omega", ends))
    means: dict[str, list[float]] = {}
    for name in PUBLISHED:
        for row in rows("regression", name):
            means.setdefault(row["seed"], []).append(numbers(row["errors"])[0])
    means = {seed: values for seed, values in means.items() if len(values) == len(PUBLISHED)}  # whole seeds alone
    if means:
        mean = statistics.mean(statistics.mean(values) for values in means.values())
        each = ", ".join(f"{statistics.mean(values):.1e}" for values in means.values())
        lines.append(
            line(f"regression, {len(means)} of 3 seeds: {each}", [("mean error", [mean], 4.1e-3, False, ".1e")])
        )
    draws = [numbers(row["errors"]) for row in rows("trotter", "matrices")]
    if draws:
        levels = [statistics.median(abs(v) for v in level) for level in zip(*draws, strict=True)]
        found = [
            (f"E{k}", [v], b, False, ".1e") for k, (v, b) in enumerate(zip(levels, (1e-4, 2e-4, 4e-4), strict=True))
        ]
        lines.append(line(f"time steps, medians of {len(draws)} draws", found))
    gaps = [numbers(row["errors"]) for row in rows("lipkin", "matrices, 5 x 5")]
    if gaps:
        found = [
            ("E/N", [max(v[:2]) for v in gaps], 1.2e-2, False, ".1e"),
            ("n/N", [v[2] for v in gaps], 8e-2, False, ".1e"),
        ]
        lines.append(line("Lipkin model, 0.1 < xi < 0.3", found))
    spins = [max(abs(v) for v in numbers(row["errors"])) for row in rows("spins")]
    if spins:
        lines.append(line("spins without interaction", [("E0", spins, 1e-10, False, ".0e")]))
    return lines


def targets_table() -> str:
    """Return the Markdown table of everything that was asked for."""
    lines = [*of_rows(), *of_matrices()]
    return markdown("case | asked | found, by seed | reached", lines) if lines else NOTHING
