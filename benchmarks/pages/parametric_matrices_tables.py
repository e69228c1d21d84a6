"""Tables of parametric matrices in docs/lattices-and-data.md, which `benchmarks.tables` writes from the kept rows."""

from __future__ import annotations

import statistics

from benchmarks.rows import read
from physgen.zoo.markdown import markdown

TABLE = "parametric_matrices"
NOTHING = "Not kept yet."
#: errors that arXiv:2401.11694 shows for its matrices, read off its figures
PUBLISHED = {
    "Franke": 3.1e-3, "cliff": 1.8e-4, "saddle": 1.3e-3, "gentle": 2.5e-4, "steep": 3.9e-4, "sphere": 3.3e-4,
    "trigonometric": 2.9e-2, "Gaussians": 3.4e-3, "cloverleaf": 5.5e-3, "cosine peak": 7.3e-3, "bilinear": 1.7e-4,
    "Romero": 1.1e-3, "Runge": 9.7e-4, "Fourier series": 6.6e-3, "polynomial": 2.0e-3,
}  # fmt: skip
PUBLISHED_TROTTER, PUBLISHED_LIPKIN = "1.0e-04, 1.9e-04, 4.2e-04", "1.2e-02 in E/N, 8e-02"

#: draws of the chain by which its protocol was chosen
CHOSEN = 4


def rows(experiment: str, case: str | None = None) -> list[dict[str, str]]:
    """Return the kept rows of an experiment."""
    return [r for r in read(TABLE) if r["experiment"] == experiment and case in (None, r["case"])]


def numbers(cell: str) -> list[float]:
    """Return the numbers of a cell."""
    return [float(word) for word in cell.split()]


def short(values: list[float]) -> str:
    """Return numbers with two digits."""
    return ", ".join(f"{value:.1e}" for value in values)


def matrices_energies_table() -> str:
    """Return the Markdown table of E(omega) of two electrons, followed outside of the training."""
    lines = [
        [row["case"], *(f"{value:+.1e}" for value in numbers(row["errors"])), short(numbers(row["spread"])),
         row["cpu_seconds"], row["seed"]]
        for row in rows("energies")
    ]  # fmt: skip
    return markdown("E(omega) by | 0.01 | 2 | 5 | 10 | spread | CPU-s | seed", lines) if lines else NOTHING


def matrices_regression_table() -> str:
    """Return the Markdown table of the regression of fifteen functions, means over seeds."""
    lines, everything = [], []
    for name, published in PUBLISHED.items():
        kept = rows("regression", name)
        if not kept:
            continue
        means = [statistics.mean(column) for column in zip(*(numbers(row["errors"]) for row in kept), strict=True)]
        everything.append((published, means))
        seconds = [float(row["cpu_seconds"]) for row in kept if row["cpu_seconds"]]
        cost = f"{statistics.mean(seconds):.0f}" if seconds else ""
        lines.append([name, *(f"{value:.1e}" for value in means), f"{published:.1e}", cost, str(len(kept))])
    if not lines:
        return NOTHING
    means = [statistics.mean(column) for column in zip(*(found for _, found in everything), strict=True)]
    published = f"{statistics.mean(value for value, _ in everything):.1e}"
    lines.append([f"mean of {len(lines)}", *(f"{value:.1e}" for value in means), published, "", ""])
    return markdown("function | matrices | kernel ridge | network | published matrices | CPU-s | seeds", lines)


def matrices_spectra_table() -> str:
    """Return the Markdown table of the chain in time steps, the Lipkin model and spins without interaction."""
    lines = []
    for case, published in (("matrices", PUBLISHED_TROTTER), ("quartic", "")):
        for first, end in ((0, CHOSEN), (CHOSEN, 10)):
            kept = [row for row in rows("trotter", case) if first <= int(row["seed"]) < end]
            if kept:
                errors = zip(*(map(abs, numbers(row["errors"])) for row in kept), strict=True)
                cost = [float(row["cpu_seconds"]) for row in kept if row["cpu_seconds"]]
                lines.append(
                    [f"chain at steps of no length, median of {len(kept)} draws", case, "E0, E1, E2, relative",
                     short([statistics.median(level) for level in errors]), published,
                     f"{statistics.mean(cost):.0f}" if cost else "", f"{kept[0]['seed']} to {kept[-1]['seed']}"]
                )  # fmt: skip
    for row in rows("lipkin"):
        quantities = "E0/N, E1/N, n/N, largest"
        errors = short(numbers(row["errors"]))
        cells = ["Lipkin model, 0.1 < xi < 0.3", row["case"], quantities, errors, PUBLISHED_LIPKIN]
        lines.append([*cells, row["cpu_seconds"], row["seed"]])
    for row in rows("spins"):
        errors = short([abs(value) for value in numbers(row["errors"])])
        cells = ["spins without interaction, c = 3, 10, -5", row["case"], "E0, relative", errors, ""]
        lines.append([*cells, row["cpu_seconds"], row["seed"]])
    return markdown("spectrum | by | of | error | published | CPU-s | seeds", lines) if lines else NOTHING
