"""One style of figures: sizes, units on axes, a line of text below, PNG of 200 dots an inch and other formats."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

from physgen.core.files import writing

#: dots an inch of a PNG
DPI = 200
STYLE: Any = {
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.4,
    "image.cmap": "magma",
}
FORMATS = ("png", "pdf", "svg")
LENGTH: ContextVar[str] = ContextVar("length", default="")
ENERGY: ContextVar[str] = ContextVar("energy", default="")


@contextmanager
def drawing(length: str = "", energy: str = "") -> Iterator[None]:
    """Draw in the style of the package, with these units on the axes; empty where a system has none of its own."""
    tokens = LENGTH.set(length), ENERGY.set(energy)
    try:
        with rc_context(STYLE):
            yield
    finally:
        LENGTH.reset(tokens[0])
        ENERGY.reset(tokens[1])


def of_length(symbol: str, power: int = 1) -> str:
    """Return the label of an axis of lengths, or of a power of them, with the unit in use."""
    unit = LENGTH.get()
    if not unit:
        return symbol
    return f"{symbol} / {unit}" if power == 1 else f"{symbol} / {unit}$^{{{power}}}$"


def of_energy(symbol: str) -> str:
    """Return the label of an axis of energies with the unit in use."""
    return f"{symbol} / {ENERGY.get()}" if ENERGY.get() else symbol


def captioned(figure: Figure, text: str) -> Figure:
    """Return the figure with a line of text below that says what it shows."""
    figure.supxlabel(textwrap.fill(text, 100), fontsize="x-small", color="0.35")
    return figure


def save(figure: Figure, folder: Path, name: str, formats: Iterable[str] = ("png",)) -> Path:
    """Write a figure as PNG, and in other formats beside it; return the path of the PNG."""
    for kind in dict.fromkeys(("png", *formats)):
        with writing(folder / f"{name}.{kind}") as file:
            figure.savefig(file, format=kind, dpi=DPI)
    return folder / f"{name}.png"
