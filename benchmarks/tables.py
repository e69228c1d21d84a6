"""Write the tables of README.md and BENCHMARKS.md from the results that they come from.

    python benchmarks/tables.py [--check]

README's table comes from `checkpoints/*/*/result.json`, those of BENCHMARKS.md from `benchmarks/results/`.
`--check` writes nothing and exits with 1 when a file differs from its sources.
"""

from __future__ import annotations

import argparse
import csv
import re
import statistics
from collections.abc import Callable
from pathlib import Path

from physgen.result import Result
from physgen.stats import with_error

ROOT = Path(__file__).resolve().parent.parent


def zoo_table() -> str:
    """Return the Markdown table of all pretrained entries."""
    lines = [
        "| entry | model | measured | reference | gap | virial | ESS or variance | CPU-s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for path in sorted((ROOT / "checkpoints").glob("*/*/result.json")):
        result = Result.read(path)
        name = path.parent.relative_to(ROOT / "checkpoints").as_posix()
        source, reference = result.provenance, result.reference
        symbol = "E" if result.quantity == "energy" else "F"
        known = gap = ""
        if reference is not None:
            known = f"{'exact ' if reference.exact else reference.method + ' '}"
            known += f"{reference.value:.8g}" if reference.error == 0 else with_error(reference.value, reference.error)
            kl = result.estimates.get("kl")
            gap = f"KL {kl} nats" if kl else f"{result.percent:+.2g} %"
        ess, variance = result.diagnostics.get("ess"), result.diagnostics.get("variance")
        spread = f"ESS {ess:.2g}" if ess is not None else f"var {variance:.2g}"
        virial = result.estimates.get("virial", "")
        measured = f"{symbol} = {result.headline}"
        reweighted = result.estimates.get("free_energy_importance")
        if reweighted is not None and ess * result.diagnostics["samples"] >= 100:
            measured += f", reweighted {reweighted}"
        lines.append(
            f"| [{name}](checkpoints/{name}/card.md) | `{source['model']}` | {measured} | {known} "
            f"| {gap} | {virial} | {spread} | {source['train_cpu_seconds']:.0f} |"
        )
    return "\n".join(lines)


def seeds_table() -> str:
    """Return the Markdown table of means and spreads over seeds."""
    path = ROOT / "benchmarks" / "results" / "seeds.csv"
    if not path.is_file():
        return ""
    groups: dict[str, list[dict[str, str]]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            groups.setdefault(row["config"], []).append(row)
    lines = [
        "| config | seeds | mean | spread over seeds | each, with its error | reference | CPU-s |",
        "|---|---|---|---|---|---|---|",
    ]
    for config, rows in groups.items():
        values = [float(r["value"]) for r in rows]
        each = ", ".join(with_error(float(r["value"]), float(r["error"])) for r in rows)
        spread = f"{statistics.stdev(values):.2g}" if len(values) > 1 else ""
        known = rows[0]["reference"]
        reference = with_error(float(known), float(rows[0]["reference_error"])) if known else ""
        seconds = statistics.mean(float(r["train_cpu_seconds"]) for r in rows)
        lines.append(
            f"| {config} | {', '.join(r['seed'] for r in rows)} | {statistics.mean(values):.6g} | {spread} | {each} "
            f"| {reference} | {seconds:.0f} |"
        )
    return "\n".join(lines)


def reference_table() -> str:
    """Return the Markdown table of the reference Monte Carlo."""
    path = ROOT / "benchmarks" / "results" / "reference.csv"
    lines = [
        "| n | beta | seed | F | known F | sigma | <E> | known <E> | sigma | CPU-s |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    with path.open(newline="", encoding="utf-8") as file:
        for r in csv.DictReader(file):
            values = [with_error(float(r[q]), float(r[f"{q}_error"])) for q in ("free_energy", "energy")]
            lines.append(
                f"| {r['n']} | {r['beta']} | {r['seed']} | {values[0]} | {r['free_energy_reference']} "
                f"| {float(r['free_energy_sigma']):+.1f} | {values[1]} | {r['energy_reference']} "
                f"| {float(r['energy_sigma']):+.1f} | {float(r['cpu_seconds']):.0f} |"
            )
    return "\n".join(lines)


def printed(name: str) -> Callable[[], str]:
    """Return a function that gives what a benchmark printed, kept in `results/<name>.txt`, as a block."""
    path = ROOT / "benchmarks" / "results" / f"{name}.txt"
    return lambda: f"```\n{path.read_text(encoding='utf-8').strip()}\n```" if path.is_file() else "Not kept yet."


PRINTED = ("jacobian", "tied_linear", "rbm_derivatives", "resume", "ranks", "malformed", "overhead")
TABLES = {
    "README.md": {"zoo": zoo_table},
    "BENCHMARKS.md": {"seeds": seeds_table, "reference": reference_table, **{name: printed(name) for name in PRINTED}},
}


def filled(text: str, name: str, table: str) -> str:
    """Return `text` with the part between the markers of `name` replaced."""
    pattern = rf"(<!-- {name}: begin[^>]*-->\n).*?(\n?<!-- {name}: end -->)"
    replaced, count = re.subn(pattern, lambda m: f"{m[1]}{table}\n<!-- {name}: end -->", text, flags=re.DOTALL)
    if count != 1:
        raise SystemExit(f"marker {name} was found {count} times, not once")
    return replaced


def main() -> None:
    """Write, or check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    differing = []
    for file, tables in TABLES.items():
        path = ROOT / file
        before = after = path.read_text(encoding="utf-8")
        for name, table in tables.items():
            after = filled(after, name, table())
        if after != before:
            differing.append(file)
            if not options.check:
                path.write_text(after, encoding="utf-8")
    if options.check and differing:
        raise SystemExit(f"{', '.join(differing)} differ from their sources: run python benchmarks/tables.py")


if __name__ == "__main__":
    main()
