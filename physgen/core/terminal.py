"""A console that shows texts of others as they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.segment import Segment

from physgen.core.plain_text import defused


class Terminal(Console):
    """A console without markup, in which nothing steers the terminal but its own styles."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"markup": False, "emoji": False, **settings})

    def render(self, *args: Any, **kwargs: Any) -> Iterable[Segment]:
        """Yield the parts of what is printed, their texts defused."""
        for part in super().render(*args, **kwargs):
            sound = part.control or part.text.isprintable() or part.text == "\n"
            yield part if sound else Segment(defused(part.text), part.style)
