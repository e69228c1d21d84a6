"""Angle brackets of physics, such as <H> and <S^2>, as text: only tags that the pages use are HTML."""

from __future__ import annotations

from typing import Any

from markdown import Extension, Markdown
from markdown.inlinepatterns import HtmlInlineProcessor

#: tags that pages and the API use inside of a line, and comments
TAGS = r"(</?(?:a|abbr|autoref|b|br|code|div|em|i|img|kbd|span|strong|sub|sup)\b[^<>]*>|<!--(?:(?!-->).)*-->)"


class Brackets(Extension):
    """Replace Markdown's pattern of inline HTML by one that knows the tags."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 a name of Markdown's
        """Register the pattern in the place of Markdown's own."""
        md.inlinePatterns.register(HtmlInlineProcessor(TAGS, md), "html", 90)


def makeExtension(**settings: Any) -> Brackets:  # noqa: N802 a name of Markdown's
    """Return the extension; Markdown looks for this name."""
    return Brackets(**settings)
