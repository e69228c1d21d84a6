"""The table of docs/judging-samplers.md, which `benchmarks.pages.tables` writes from entries and kept rows."""

from __future__ import annotations

from benchmarks.entries import entries
from benchmarks.rows import read
from physgen.stats import with_error
from physgen.zoo.markdown import markdown

#: beginnings of the names of the systems that samplers are judged on
SYSTEMS = ("double-well-cluster-", "lennard-jones-cluster-", "scalar-phi4-")


def samplers_table() -> str:
    """Return the Markdown table of densities on the standard systems, other seeds beside the entries."""
    rows, lines = read("seeds"), []
    for name, result in entries():
        if not name.startswith(SYSTEMS):
            continue
        found, source = result.estimates["free_energy_importance"], result.provenance
        beta = source["recipe"]["init_args"]["system"]["init_args"].get("beta", 1.0)
        others = [r for r in rows if r["config"] == name and int(r["seed"]) != source["seed"]]
        cells = [
            f"[{name}](../checkpoints/{name}/card.md)",
            str(result.estimates.get("kl", "")),
            f"{result.diagnostics['ess']:.3f}",
            with_error(-beta * found.value, beta * found.error),
            "" if result.reference is None else f"{-beta * result.reference.value:.8g}",
            "; ".join(
                f"F {with_error(float(r['value']), float(r['error']))}, ESS {float(r['ess']):.3f}" for r in others
            ),
            str(result.headline),
            str(source.get("energy_evaluations", "")),
            f"{source['train_cpu_seconds']:.0f}",
        ]
        lines.append(cells)
    return markdown(
        "entry | KL / nats | ESS | ln Z reweighted | exact ln Z | other seeds | F | energies | CPU-s", lines
    )
