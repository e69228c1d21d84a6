"""Texts of others made to mean nothing but themselves: to a terminal, in Markdown, in a spreadsheet, as a name."""

from __future__ import annotations

import html
import logging
import re
import unicodedata
from typing import Any

#: letters of a line at most; the rest is left out
LONGEST_LINE = 2_000
#: letters of a folder's name at most
LONGEST_NAME = 100


def defused(text: Any) -> str:
    r"""Return a text in which what steers a terminal is written out, such as `\x1b`: controls, and marks of direction.

    Line feeds and tabs stay.
    """
    plain = str(text)
    if plain.isprintable():
        return plain
    return "".join(c if c in "\n\t" or not steers(c) else c.encode("unicode_escape").decode("ascii") for c in plain)


def steers(letter: str) -> bool:
    """Return whether a letter is a control character, a mark of direction, a line separator or half of a pair."""
    return unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def one_line(text: Any) -> str:
    """Return a text as one defused line of bounded length."""
    line = defused(" ".join(str(text).split()))
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 200]} ... {line[-150:]}"


class Defused(logging.Filter):
    """A filter of a logger that defuses its messages."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, its message in one line."""
        record.msg, record.args = one_line(record.getMessage()), ()
        return True


def as_markdown(text: Any) -> str:
    """Return a text that Markdown and HTML show as it is: no table, link, image, emphasis or tag comes of it."""
    shown = re.sub(r"([\\`*\[\]|~])", r"\\\1", html.escape(one_line(text), quote=False))
    shown = re.sub(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", r"\\_", shown)
    return shown.replace("://", "&#58;//").replace("www.", "www&#46;").replace("@", "&#64;")


def as_cell(value: Any) -> Any:
    """Return a value that no spreadsheet takes for a formula; numbers stay numbers, also those in a text."""
    if not isinstance(value, str):
        return value
    text = one_line(value)
    if re.match(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20|%]", text) and not re.fullmatch(
        r"[+-]?\d+(\.\d*)?(e[+-]?\d+)?", text
    ):
        return f"'{text}"
    return text


def folder_name(text: Any) -> str:
    """Return a text as the name of one folder: letters, digits, `._+=-`, no dot in front."""
    name = re.sub(r"[^\w.+=-]+", "-", str(text))[:LONGEST_NAME].lstrip(".-").rstrip(".")
    return name or "unnamed"
