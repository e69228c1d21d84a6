"""Formulas as MathML while the site is built, so that pages need no script and no network."""

import html
import re

from latex2mathml.converter import convert

FOUND = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)


def on_page_content(content: str, **_: object) -> str:
    """Return a page with its formulas as MathML; mkdocs calls it for every page."""
    return FOUND.sub(formula, content)


def formula(found: "re.Match[str]") -> str:
    """Return one formula as MathML, with its text for those who copy it."""
    _, kind, text = found.groups()
    tex = html.unescape(text).strip()
    return convert(tex, display="inline" if kind == "(" else "block")
