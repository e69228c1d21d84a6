"""The files of a comparison: `compare.md`, `compare.csv`, `compare.html` and its figures."""

from __future__ import annotations

import base64
import csv
import html
import io
from pathlib import Path

from physgen.core.errors import InputError
from physgen.core.files import write_text
from physgen.core.plain_text import as_cell, defused
from physgen.core.plain_text import as_markdown as escaped
from physgen.core.registry import rebuilding
from physgen.figures.style import drawing, save
from physgen.systems import System
from physgen.zoo.compare import Comparison
from physgen.zoo.compare_figures import figures
from physgen.zoo.markdown import markdown

STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums}"
    "th,td{padding:.3rem .7rem;border-bottom:1px solid #ccc;text-align:left}img{max-width:36rem;width:100%}"
)


def write_report(comparison: Comparison, folder: Path) -> list[Path]:
    """Write table and figures into `folder`; return the figures.

    The HTML page holds its figures, so that it can be sent as it is.
    """
    with drawing(*units(comparison)):
        made = figures(comparison) if comparison.drawn().rows else {}
        drawn = [save(figure, folder, name) for name, figure in made.items()]
    write_text(folder / "compare.md", as_markdown(comparison, drawn))
    write_text(folder / "compare.html", as_html(comparison, drawn))
    rows = [row.numbers() for row in comparison.rows]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: as_cell(value) for name, value in row.items()} for row in rows)
    write_text(folder / "compare.csv", text.getvalue())
    return drawn


def units(comparison: Comparison) -> tuple[str, str]:
    """Return the units of length and energy of what is compared, empty where its system is not known here."""
    recipe = comparison.runs[0].result.provenance.get("recipe") or {}
    try:
        with rebuilding():
            system: System = System.of((recipe.get("init_args") or {}).get("system") or "")
    except InputError:
        return "", ""
    return system.length_unit, system.energy_unit


def as_markdown(comparison: Comparison, drawn: list[Path]) -> str:
    """Return the page in Markdown; figures lie beside it."""
    rows = [[escaped(cell) for cell in cells] for cells in comparison.table()]
    parts = [f"# {escaped(comparison.title)}", markdown(comparison.columns(), rows)]
    parts += ["\n".join(f"* {escaped(note)}" for note in comparison.notes())]
    parts += [f"![{path.stem}]({path.name})" for path in drawn]
    return "\n\n".join(part for part in parts if part) + "\n"


def as_html(comparison: Comparison, drawn: list[Path]) -> str:
    """Return the page in HTML, figures within."""

    def line(tag: str, cells: list[str]) -> str:
        return f"<tr>{''.join(f'<{tag}>{html.escape(defused(cell))}</{tag}>' for cell in cells)}</tr>"

    title = html.escape(defused(comparison.title))
    rows = "\n".join([line("th", comparison.columns()), *(line("td", cells) for cells in comparison.table())])
    notes = "\n".join(f"<li>{html.escape(defused(note))}</li>" for note in comparison.notes())
    images = "\n".join(
        f'<img alt="{path.stem}" src="data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}">'
        for path in drawn
    )
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{title}</title>\n<style>{STYLE}</style>\n'
        f"<h1>{title}</h1>\n<table>\n{rows}\n</table>\n<ul>\n{notes}\n</ul>\n{images}\n</html>\n"
    )
