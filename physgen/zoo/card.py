"""The card of a pretrained entry, generated from its result."""

from __future__ import annotations

from typing import Any

from physgen.callbacks.result_writer import spelt
from physgen.runs.result import Result, reference_for
from physgen.stats import with_error
from physgen.systems import System


def card(name: str, result: Result) -> str:
    """Return the Markdown card of entry `name`: what it is, what was measured, how to use and to retrain it."""
    source = result.provenance
    system = System.of(source["recipe"]["init_args"]["system"])
    references = [] if result.excited else system.references()
    lines = [
        f"# {name}",
        "",
        f"`{source['model']}` with {source['parameters']} parameters on `{system!r}`.",
        "",
        "| quantity | measured | reference | method |",
        "|---|---|---|---|",
    ]
    for quantity, estimate in result.estimates.items():
        known = reference_for(
            references, quantity.removesuffix("_importance").removesuffix("_metropolis").removesuffix("_annealed")
        )
        text = f"{with_error(known.value, known.error)} | {known.label}" if known else "|"
        lines.append(f"| {spelt(quantity)} | {estimate} | {text} |")
    lines += ["", ", ".join(f"{k.replace('_', ' ')} {v:.4g}" for k, v in result.diagnostics.items()) + ".", ""]
    lines += [f"* {note}" for note in result.notes]
    if result.reference is not None:
        lines += ["", f"Reference: {result.reference.source}."]
    settings = {k: v for k, v in source["recipe"]["init_args"].items() if k != "system"}
    lines += [
        "",
        "## Use",
        "",
        "```python",
        *sorted({f"import {kind.rsplit('.', 1)[0]}" for kind in own_classes(source["recipe"])}),
        "import physgen",
        "",
        f'model = physgen.load_pretrained("{name}")',
        "x = model.sample(1000)" if result.guarantee is None else "x, log_prob = model.sample(1000)",
        "```",
        "",
        "## Where it comes from",
        "",
        f"Trained in {source.get('train_cpu_seconds', 0):.0f} CPU-seconds ({source['iterations']} iterations, "
        f"{energies(source)}seed {source['seed']}, {source['trained_precision']}) with `{source['command']}`; "
        f"evaluated in {source['evaluated_precision']} with fresh samples, seed {source['evaluation_seed']}, on "
        f"{source['machine']} ({source['threads']} threads), physgen {source['physgen']} "
        f"({(source.get('commit') or 'no commit')[:10]}), torch {source['torch']}, lightning {source['lightning']}.",
        "",
        "Settings: " + ", ".join(f"`{k}={v!r}`" for k, v in settings.items()) + ".",
        "",
    ]
    return "\n".join(lines)


def energies(provenance: dict[str, Any]) -> str:
    """Return in words how many energies a training asked for, nothing where they were not counted."""
    count = provenance.get("energy_evaluations")
    return f"{count} energies, " if isinstance(count, int) else ""


def trained_on(result: Result) -> str:
    """Return in a few words what a density has seen; a wavefunction is trained on its own draws alone."""
    words = next((note.removeprefix("trained on ") for note in result.notes if note.startswith("trained on ")), "")
    return words.replace(" (reverse KL)", "").replace(" (forward KL)", "") or "no data"


def own_classes(spec: object) -> list[str]:
    """Return the classes of a recipe that are not of the package, as dotted paths."""
    if not isinstance(spec, dict):
        return []
    inner = [kind for value in spec.values() for kind in own_classes(value)]
    kind = spec.get("class_path")
    return inner + ([kind] if isinstance(kind, str) and not kind.startswith("physgen.") else [])
