"""The headline of a training on any of Lightning's progress bars, in words."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from physgen.runs.result import reference_for
from physgen.stats import with_error
from physgen.systems import Reference

#: what every model is compared with, and what it was looked up for
_known: WeakKeyDictionary[Any, tuple[tuple[Any, ...], Reference | None]] = WeakKeyDictionary()


def known_reference(model: Any) -> Reference | None:
    """Return the reference of the headline, looked up once: a system may compute it, and a bar is drawn often."""
    asked = (model.system, model.quantity, getattr(model, "excited", False))
    held = _known.get(model)
    if held is None or held[0] != asked:
        held = _known[model] = (asked, reference_for(model.references(), model.quantity))
    return held[1]


def headline_items(model: Any) -> dict[str, str]:
    """Return the headline of the last record with its error and its reference, as text.

    The error is that of the batch means since the last record; it is a guide, results are quoted from an evaluation.
    """
    name = model.quantity
    value = model.latest.get(name)
    if value is None:
        likelihood = model.latest.get("negative_log_likelihood")  # what a training on samples minimises first
        return {} if likelihood is None else {"-<ln p>": f"{likelihood:.3f}"}
    items = {model.headline.symbol: with_error(value, model.latest_errors.get(name, 0.0))}
    lost = model.latest.get("nonfinite", 0.0)
    if lost > 0:
        items["not finite"] = f"{100 * lost:.2g} %"
    reference = known_reference(model)
    if reference is not None:
        items[reference.label] = reference.number
    return items


def show_headline(bar: Any) -> None:
    """Let a progress bar of Lightning's show the headline beside what it shows anyway; None is no bar."""
    if bar is None or getattr(bar, "shows_headline", False):
        return
    plain = bar.get_metrics

    def get_metrics(trainer: Any, model: Any) -> dict[str, Any]:
        return {**plain(trainer, model), **headline_items(model)}

    bar.get_metrics, bar.shows_headline = get_metrics, True
