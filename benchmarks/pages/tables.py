"""Write the tables of README.md, BENCHMARKS.md and docs from the results that they come from.

    python -m benchmarks tables [--check]

They come from `checkpoints/*/*/result.json` and `benchmarks/results/`.
`--check` writes nothing and exits with 1 when a file differs from its sources.
"""

from __future__ import annotations

import argparse
import math
import re
import statistics
from collections.abc import Callable, Iterator

from benchmarks.entries import entries
from benchmarks.pages.family_tables import families_table, family_seeds_table, family_slopes_table
from benchmarks.pages.lattices_and_data_tables import flows_table, ising_table, machines_table
from benchmarks.pages.lattices_and_data_targets import targets_table
from benchmarks.pages.light_nuclei_tables import light_nuclei_table, light_nuclei_terms_table
from benchmarks.pages.parametric_matrices_tables import (
    matrices_energies_table,
    matrices_regression_table,
    matrices_spectra_table,
)
from benchmarks.pages.periodic_matter_tables import (
    electron_gas_table,
    fermi_gas_table,
    neutron_matter_table,
    neutron_pairs_table,
)
from benchmarks.pages.quantum_dot_tables import (
    diffusion_table,
    ground_state_table,
    open_shell_table,
    terms_table,
    two_electron_table,
)
from benchmarks.pages.recipe_tables import RECIPES, cost_table, first_table, recipe_table
from benchmarks.pages.sampler_tables import samplers_table
from benchmarks.pages.thermal_tables import levels_table, thermal_entries_table, thermal_table
from benchmarks.places import RESULTS, ROOT
from benchmarks.rows import read
from physgen.core.quantity import LOG_LIKELIHOOD
from physgen.runs.result import Result, reference_for
from physgen.stats import deviation, with_error
from physgen.systems import ClassicalDot
from physgen.zoo.card import trained_on
from physgen.zoo.markdown import markdown

ENTRY_COLUMNS = "entry | model | trained on | measured | reference | gap | virial | ESS or variance | CPU-s"


def entry_row(name: str, result: Result, folder: str) -> list[str]:
    """Return the cells of one entry, whose card lies in `folder`."""
    reference = result.reference
    known = gap = ""
    if reference is not None:
        known = f"{reference.label} "
        known += f"{reference.value:.8g}" if reference.error == 0 else with_error(reference.value, reference.error)
        kl = result.estimates.get("forward_kl" if result.quantity == LOG_LIKELIHOOD.name else "kl")
        gap = f"KL {kl} nats" if kl else f"{result.percent:+.2g} %"
    ess, variance = result.diagnostics.get("ess"), result.diagnostics.get("variance")
    spread = f"ESS {ess:.2g}" if ess is not None else f"var {variance:.2g}"
    symbol = result.kind.symbol.replace("<", "&lt;").replace(">", "&gt;")
    measured = f"{symbol} = {result.headline}"
    reweighted = result.estimates.get("free_energy_importance")
    if reweighted is not None and ess * result.diagnostics["samples"] >= 100:
        measured += f", {'' if result.quantity == 'free_energy' else 'F '}reweighted {reweighted}"
    source, virial = result.provenance, str(result.estimates.get("virial", ""))
    link, seconds = f"[{name}]({folder}checkpoints/{name}/card.md)", f"{source['train_cpu_seconds']:.0f}"
    return [link, f"`{source['model']}`", trained_on(result), measured, known, gap, virial, spread, seconds]


def zoo_table() -> str:
    """Return the Markdown table of all pretrained entries."""
    return markdown(ENTRY_COLUMNS, (entry_row(name, result, "../") for name, result in entries()))


def best_zoo_table() -> str:
    """Return the Markdown table of the entry with the best bound of each system and quantity, two errors off."""
    best: dict[tuple[str, str], tuple[str, Result]] = {}
    for name, result in entries():
        no_bound = any("not antisymmetric" in note or "NOT A BOUND" in note for note in result.notes)
        system = name.split("/")[0], result.quantity
        if not no_bound and (system not in best or sure(result) < sure(best[system][1])):
            best[system] = name, result
    return markdown(ENTRY_COLUMNS, (entry_row(name, result, "../") for name, result in best.values()))


def sure(result: Result) -> float:
    """Return how bad the headline is at most with near certainty: noise must not make an entry the best."""
    error, side = result.headline.known_error, -1 if result.kind.bound == "lower" else 1
    return math.inf if error is None else side * result.headline.value + 2 * error


def seeds_table() -> str:
    """Return the Markdown table of means and spreads over seeds."""
    groups: dict[str, list[dict[str, str]]] = {}
    for row in read("seeds"):
        groups.setdefault(row["config"], []).append(row)
    lines = []
    for config, rows in groups.items():
        values = [float(r["value"]) for r in rows]
        each = ", ".join(seed_value(r) for r in rows)
        spread = f"{statistics.stdev(values):.2g}" if len(values) > 1 else ""
        known = rows[0]["reference"]
        reference = with_error(float(known), float(rows[0]["reference_error"])) if known else ""
        seconds = statistics.mean(float(r["train_cpu_seconds"]) for r in rows)
        seeds, mean = ", ".join(r["seed"] for r in rows), f"{statistics.mean(values):.6g}"
        lines.append([config, seeds, mean, spread, each, reference, f"{seconds:.0f}"])
    return markdown("config | seeds | mean | spread over seeds | each, with its error | reference | CPU-s", lines)


def seed_value(row: dict[str, str]) -> str:
    """Return the value of one seed with its error, alone where it carries none."""
    value = float(row["value"])
    return with_error(value, float(row["error"])) if row["error"] else f"{value:.6g} (no error bar)"


def reference_table() -> str:
    """Return the Markdown table of the reference Monte Carlo."""
    lines = []
    for r in read("reference"):
        known, cells = ClassicalDot(int(r["n"]), beta=float(r["beta"])).references(), [r["n"], r["beta"], r["seed"]]
        cells.append(f"bridge with {r['bridge']}" if r["bridge"] else "integration over couplings")
        for q in ("free_energy", "energy"):
            value, error, best = float(r[q]), float(r[f"{q}_error"]), reference_for(known, q)
            cells.append(with_error(value, error))
            if best is None:
                cells += ["", ""]
                continue
            cells.append(with_error(best.value, best.error))
            cells.append(f"{deviation(value, error, best.value, best.error):+.1f}")
        lines.append([*cells, f"{float(r['cpu_seconds']):.0f}"])
    return markdown("n | beta | seed | F by | F | known F | sigma | <E> | known <E> | sigma | CPU-s", lines)


def measured(row: dict[str, str]) -> str:
    """Return the cells of a density's KL and ESS, medians with extremes, and of F by importance sampling."""
    kl = f"{with_error(float(row['kl']), float(row['kl_error']))} [{row['kl_lowest']}, {row['kl_highest']}]"
    ess = f"{row['ess_median']} [{row['ess_lowest']}, {row['ess_highest']}]"
    return f"{kl} | {ess} | {row['sets']} x {row['samples']}"


def cost(row: dict[str, str]) -> str:
    """Return the cells of what a training cost."""
    return f"{row['steps']} | {row['step_ms']} | {row['cpu_seconds']} | {row['memory_mib']}"


def peers_table() -> str:
    """Return the Markdown table of other libraries' densities beside physgen's, by temperature and KL."""
    lines = [
        "| beta | density | F_theta | KL [lowest, highest of the sets] | ESS, median [lowest, highest] | draws "
        "| parameters | start, learning rate | iterations | ms each | CPU-s | MiB | seed |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for r in sorted(read("peers"), key=lambda r: (-float(r["beta"]), float(r["kl"]))):
        free = with_error(float(r["free_energy"]), float(r["free_energy_error"]))
        recipe = ", ".join(filter(None, (r["start"], r["learning_rate"])))
        lines.append(
            f"| {r['beta']} | {r['name']} | {free} | {measured(r)} | {r['parameters']} | {recipe} | {cost(r)} "
            f"| {r['seed']} |"
        )
    return "\n".join(lines)


def scaling_table() -> str:
    """Return the Markdown table of the classical dot over n."""
    lines = [
        "| n | density | F_theta | F by reference | KL [lowest, highest of the sets] | ESS, median [lowest, highest] "
        "| draws | parameters | iterations | ms each | CPU-s | MiB | seed |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for r in read("dot_scaling"):
        free, known = (with_error(float(r[q]), float(r[f"{q}_error"])) for q in ("free_energy", "reference"))
        name = f"{r['name']} {r['hidden']}"
        lines.append(
            f"| {r['n']} | {name} | {free} | {known} | {measured(r)} | {r['parameters']} | {cost(r)} | {r['seed']} |"
        )
    return "\n".join(lines)


def printed(name: str) -> Callable[[], str]:
    """Return a function that gives what a benchmark printed, kept in `results/<name>.txt`, as a block."""

    def block() -> str:
        path = RESULTS / f"{name}.txt"
        return f"```\n{path.read_text(encoding='utf-8').strip()}\n```" if path.is_file() else "Not kept yet."

    return block


def tabulated(name: str) -> Callable[[], str]:
    """Return a function that gives `results/<name>.csv` as a Markdown table."""

    def table() -> str:
        rows = read(name)
        return markdown(" | ".join(rows[0]), (row.values() for row in rows)) if rows else "Not kept yet."

    return table


PRINTED = (
    "jacobian",
    "tied_linear",
    "rbm_derivatives",
    "kills",
    "stops",
    "disk_full",
    "ranks",
    "malformed",
    "overhead",
    "large_machines",
    "deuteron_widths",
    "peers_netket_agreement",
)
#: printed results that stand in docs/lattices-and-data.md
ELSEWHERE = ("large_machines",)
#: results that are tables as they are
TABULATED = (
    "local_energy_cost",
    "local_energy_growth",
    "local_energy_periodic",
    "iteration_speed_configs",
    "peers_netket_iteration",
    "peers_netket_sampler",
)
TABLES = {
    "docs/quantum-dots.md": {
        "ground_states": ground_state_table,
        "diffusion": diffusion_table,
        "open_shells": open_shell_table,
        "two_electrons": two_electron_table,
        "energy_terms": terms_table,
    },
    "docs/periodic-matter.md": {
        "electron_gas": electron_gas_table,
        "neutron_matter": neutron_matter_table,
        "neutron_pairs": neutron_pairs_table,
        "fermi_gas": fermi_gas_table,
    },
    "docs/judging-samplers.md": {"samplers": samplers_table},
    "docs/families.md": {
        "families": families_table,
        "family_seeds": family_seeds_table,
        "family_slopes": family_slopes_table,
    },
    "docs/thermal-dots.md": {
        "thermal": thermal_table,
        "thermal_levels": levels_table,
        "thermal_entries": thermal_entries_table,
    },
    "docs/light-nuclei.md": {"light_nuclei": light_nuclei_table, "light_nuclei_terms": light_nuclei_terms_table},
    "docs/lattices-and-data.md": {
        "targets": targets_table,
        "ising": ising_table,
        "machines": machines_table,
        "flows": flows_table,
        "matrices_energies": matrices_energies_table,
        "matrices_regression": matrices_regression_table,
        "matrices_spectra": matrices_spectra_table,
        **{name: printed(name) for name in ELSEWHERE},
    },
    "README.md": {"first": first_table},
    "docs/zoo.md": {"best": best_zoo_table, "zoo": zoo_table},
    "docs/systems.md": {f"recipes_{family}": recipe_table(family) for family in RECIPES},
    "docs/cost.md": {"cost": cost_table},
    "BENCHMARKS.md": {
        "seeds": seeds_table,
        "reference": reference_table,
        "peers": peers_table,
        "dot_scaling": scaling_table,
        **{name: printed(name) for name in PRINTED if name not in ELSEWHERE},
        **{name: tabulated(name) for name in TABULATED},
    },
}


def filled(text: str, name: str, table: str) -> str:
    """Return `text` with the part between the markers of `name` replaced."""
    pattern = rf"(<!-- {name}: begin[^>]*-->\n).*?(\n?<!-- {name}: end -->)"
    replaced, count = re.subn(pattern, lambda m: f"{m[1]}{table}\n<!-- {name}: end -->", text, flags=re.DOTALL)
    if count != 1:
        raise SystemExit(f"marker {name} was found {count} times, not once")
    return replaced


def differing() -> Iterator[tuple[str, str]]:
    """Give name and new text of every file that differs from its sources."""
    for file, tables in TABLES.items():
        before = after = (ROOT / file).read_text(encoding="utf-8")
        for name, table in tables.items():
            after = filled(after, name, table())
        if after != before:
            yield file, after


def main(arguments: list[str] | None = None) -> None:
    """Write, or check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    found = dict(differing())
    for file, text in found.items() if not options.check else ():
        (ROOT / file).write_text(text, encoding="utf-8")
    if options.check and found:
        raise SystemExit(f"{', '.join(found)} differ from their sources: run python -m benchmarks tables")
