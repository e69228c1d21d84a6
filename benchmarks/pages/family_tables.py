"""Tables of docs/families.md, which `benchmarks.pages.tables` writes from the entries."""

from __future__ import annotations

from benchmarks.entries import entries
from benchmarks.rows import read
from physgen.stats import deviation, with_error
from physgen.systems import QuantumDots, System
from physgen.zoo.markdown import markdown

AT = "energy@"


def families_table() -> str:
    """Return the Markdown table of the energies of members beside exact and published ones."""
    lines = []
    for name, result in entries("quantum-dots-*/*"):
        system: QuantumDots = System.of(result.provenance["recipe"]["init_args"]["system"])
        known = {r.quantity: r for r in system.references()}
        for omega in system.points:
            estimate = result.estimates.get(f"{AT}{omega:g}")
            if estimate is None:
                continue
            best, cells = known.get(f"{AT}{omega:g}"), ["", "", ""]
            if best is not None:
                value = f"{best.value:.8g}" if best.error == 0 else with_error(best.value, best.error)
                off = estimate.value - best.value
                error = (estimate.error**2 + best.error**2) ** 0.5
                sigma = deviation(estimate.value, estimate.error, best.value, best.error)
                cells = [f"{value} {best.label}", with_error(off, error), f"{sigma:+.1f}"]
            lines.append([f"[{name}](../checkpoints/{name}/card.md)", f"{omega:g}", str(estimate), *cells])
    return markdown("entry | omega | E(omega) | known | difference | sigma", lines) if lines else "Not kept yet."


def family_slopes_table() -> str:
    """Return the Markdown table of slopes of the curve and by the trap; the last column falls where E is concave."""
    lines = []
    for row in read("family_slopes"):
        values = {k: float(row[k]) for k in ("omega", "slope", "slope_error", "trap_slope", "trap_slope_error")}
        slope, error, trap, spread = (values[k] for k in ("slope", "slope_error", "trap_slope", "trap_slope_error"))
        both = (error**2 + spread**2) ** 0.5
        steep = 0.5 / values["omega"]
        cells = [row["entry"], row["omega"], with_error(slope, error), with_error(trap, spread)]
        cells += [with_error(slope - trap, both), f"{(slope - trap) / both:+.1f}"]
        lines.append([*cells, with_error(slope * steep, error * steep)])
    columns = "entry | omega | dE/d omega | 2 trap / omega | difference | sigma | dE/d(omega^2)"
    return markdown(columns, lines) if lines else "Not kept yet."


def family_seeds_table() -> str:
    """Return the Markdown table of means over the range by seed, with what the trainings cost."""
    lines = [
        [row["config"], row["seed"], with_error(float(row["value"]), float(row["error"])), row["reference"][:9]]
        + [f"{float(row['variance']):.2g}", row["iterations"], f"{float(row['train_cpu_seconds']):.0f}"]
        for row in read("seeds")
        if row["config"].startswith("quantum-dots-")
    ]
    columns = "config | seed | mean of E/omega | exact | variance | iterations | CPU-s"
    return markdown(columns, lines) if lines else "Not kept yet."
