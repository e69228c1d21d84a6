"""Pages of the API: one for every public name, from its docstring."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

#: modules whose `__all__` is public, and what they hold
MODULES = {
    "physgen": "What the package offers at once",
    "physgen.systems": "What is simulated",
    "physgen.models": "What learns",
    "physgen.samplers": "What draws from a log-density",
    "physgen.spaces": "Where configurations live",
    "physgen.objectives": "Why a model learns",
    "physgen.observables": "What is measured",
    "physgen.data": "Samples and pairs to learn from",
    "physgen.optim": "Natural gradients and Muon",
    "physgen.stats": "Errors that are honest",
    "physgen.callbacks": "What runs beside a training",
    "physgen.dmc": "Diffusion Monte Carlo",
    "physgen.monte_carlo": "Reference Monte Carlo",
}
#: public names that no `__all__` holds
MORE = {
    "physgen.runs": ["evaluation.Evaluation", "result.Result", "zero_variance.zero_variance"],
    "physgen.zoo": ["entry_facts.EntryFacts"],
}
#: names that are modules themselves
HIDDEN = {"physgen": {"__version__", "models", "samplers", "systems"}}


def public_names() -> dict[str, dict[str, object]]:
    """Return every public object by module and name."""
    found: dict[str, dict[str, object]] = {}
    for module in MODULES:
        held = importlib.import_module(module)
        names = set(held.__all__) - HIDDEN.get(module, set())
        found[module] = {name: getattr(held, name) for name in sorted(names)}
    for module, paths in MORE.items():
        for path in paths:
            place, _, name = path.rpartition(".")
            found.setdefault(module, {})[name] = getattr(importlib.import_module(f"{module}.{place}"), name)
    return found


def summary(held: object) -> str:
    """Return the first sentence of a docstring."""
    return " ".join((inspect.getdoc(held) or "").split("\n\n")[0].split())


def api_pages() -> dict[str, str]:
    """Return the Markdown of every page of the API by its path below `api/`."""
    pages: dict[str, str] = {}
    front = ["# API", "", "Every public name, from its docstring.", ""]
    for module, names in public_names().items():
        place = module.removeprefix("physgen").removeprefix(".") or "physgen"
        title = MODULES.get(module, "Results of runs" if module.endswith("runs") else "Entries")
        rows = [
            f"| [`{name}`]({name}.md) | {summary(held).replace('|', chr(92) + '|')} |" for name, held in names.items()
        ]
        pages[f"{place}/index.md"] = "\n".join(
            [f"# `{module}`", "", f"{title}.", "", "| name | |", "|---|---|", *rows, ""]
        )
        front.append(f"* [`{module}`]({place}/index.md): {title[0].lower()}{title[1:]}")
        for name, held in names.items():
            target = getattr(held, "__module__", None)
            documented = inspect.isclass(held) or inspect.isfunction(held)
            path = f"{target}.{held.__qualname__}" if documented and target else f"{module}.{name}"
            pages[f"{place}/{name}.md"] = f"::: {path}\n"
    pages["index.md"] = "\n".join([*front, ""])
    return pages


def write_api(folder: Path) -> list[dict[str, object]]:
    """Write the pages below `folder/api` and return their part of the navigation."""
    pages = api_pages()
    for path, text in pages.items():
        target = folder / "api" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    nav: list[dict[str, object]] = [{"API": "api/index.md"}]
    places = sorted({path.split("/")[0] for path in pages if "/" in path}, key=lambda p: (p != "physgen", p))
    for place in places:
        inside = sorted(path for path in pages if path.startswith(f"{place}/") and not path.endswith("index.md"))
        entries: list[object] = [f"api/{place}/index.md", *({Path(path).stem: f"api/{path}"} for path in inside)]
        nav.append({place: entries})
    return nav
