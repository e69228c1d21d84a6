"""Tables of docs/thermal-dots.md, which `benchmarks.pages.tables` writes from entries and kept measurements."""

from __future__ import annotations

from benchmarks.places import ROOT
from benchmarks.rows import read
from physgen.runs.result import Result
from physgen.stats import with_error
from physgen.systems import System, ThermalQuantumDot
from physgen.zoo.markdown import markdown

QUANTITIES = ("free_energy", "energy", "entropy")


def off(row: dict[str, str], quantity: str, unit: float) -> str:
    """Return how far a value lies from its exact one, in a unit."""
    if not row[f"{quantity}_exact"]:
        return ""
    value = float(row[quantity]) - float(row[f"{quantity}_exact"])
    return with_error(value / unit, float(row[f"{quantity}_error"]) / unit)


def thermal_table() -> str:
    """Return F, E and S of every case, and how far they lie from exact values in units of omega."""
    lines = []
    for row in sorted(read("thermal_dots"), key=lambda r: (r["case"].split("-"), r["seed"])):
        n, species, omega, t = row["case"].split("-")
        values = [with_error(float(row[q]), float(row[f"{q}_error"])) for q in QUANTITIES]
        units = (float(omega), float(omega), 1.0)
        gaps = [off(row, q, unit) for q, unit in zip(QUANTITIES, units, strict=True)]
        norm = with_error(float(row["norm"]), float(row["norm_error"]))
        seconds = f"{float(row['train_cpu_seconds']):.0f} + {float(row['evaluation_cpu_seconds']):.0f}"
        lines.append([n, species, omega, t, row["seed"], *values, *gaps, f"{float(row['states']):.0f}", norm, seconds])
    columns = (
        "n | species | omega | beta omega | seed | F | E | S | F off / omega | E off / omega | S off | states | trace"
    )
    return markdown(f"{columns} | CPU-s", lines) if lines else "Not kept yet."


def levels_table() -> str:
    """Return the lowest levels of two particles beside exact ones, those of electrons with their spin."""
    lines = []
    for row in read("thermal_levels"):
        _, species, omega, t = row["case"].split("-")
        numbers = {part[0]: part[1:] for part in row["level"].split("_")[1:]}
        value, error = float(row["value"]), float(row["error"])
        exact = float(row["exact"]) if row["exact"] else None
        gap = "" if exact is None else with_error((value - exact) / float(omega), error / float(omega))
        states = "1" if numbers["m"] == "0" else "2"
        cells = [species, omega, t, row["seed"], numbers["m"], numbers.get("s", ""), numbers["n"], states]
        lines.append([*cells, with_error(value, error), "" if exact is None else f"{exact:.8g}", gap])
    lines.sort(key=lambda cells: (cells[0], -float(cells[1]), float(cells[2]), cells[3], float(cells[8].split("(")[0])))
    columns = "particles | omega | beta omega | seed | abs(m) | S | n | states | E | exact | off / omega"
    return markdown(columns, lines) if lines else "Not kept yet."


def thermal_entries_table() -> str:
    """Return the entries of `QuantumEnsemble` with what they say of angular momentum and spin."""
    lines = []
    for path in sorted((ROOT / "checkpoints").glob("thermal-quantum-dot-*/*/result.json")):
        result, name = Result.read(path), path.parent.relative_to(ROOT / "checkpoints").as_posix()
        system: ThermalQuantumDot = System.of(result.provenance["recipe"]["init_args"]["system"])
        exact = {r.quantity: r for r in system.references() if r.exact}
        found = result.estimates
        known = f"{exact['free_energy'].value:.8g}" if exact else ""
        cells = [
            str(found[k]) if k in found else "" for k in ("energy", "entropy", "angular_momentum_square", "spin_square")
        ]
        seconds = f"{result.provenance['train_cpu_seconds']:.0f}"
        lines.append([f"[{name}](../checkpoints/{name}/card.md)", str(found["free_energy"]), known, *cells, seconds])
    columns = "entry | F | exact | E | S | <L^2> | <S^2> | CPU-s"
    return markdown(columns.replace("<", "&lt;").replace(">", "&gt;"), lines) if lines else "Not kept yet."
