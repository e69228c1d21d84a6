"""Notebooks as pages: text, code and the outputs that are stored in them."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

#: codes by which a terminal colours text
COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def notebook_page(path: Path, pictures: Path) -> str:
    """Return a notebook as Markdown; its pictures are written into a folder beside the page.

    Args:
        path: the notebook.
        pictures: folder of the pictures, whose name the page refers to.
    """
    parts: list[str] = []
    for number, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"]):
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(f"```python\n{source}\n```")
        for place, output in enumerate(cell.get("outputs", [])):
            data = output.get("data", {})
            if "image/png" in data:
                pictures.mkdir(parents=True, exist_ok=True)
                name = f"{path.stem}-{number}-{place}.png"
                encoded = data["image/png"]
                content = encoded if isinstance(encoded, str) else "".join(encoded)
                (pictures / name).write_bytes(base64.b64decode(content))
                parts.append(f"![Figure of {path.stem}, cell {number}]({pictures.name}/{name})")
                continue
            text = COLOURS.sub("", "".join(output.get("text", data.get("text/plain", "")))).rstrip()
            if text:
                parts.append(f"```text\n{text}\n```")
    return "\n\n".join(parts) + "\n"
