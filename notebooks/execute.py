"""Execute notebooks without Jupyter; with `--write` their outputs are kept in them.

    python notebooks/execute.py [--fast] [--write] notebooks/tour.ipynb ...

Cells run in order in one namespace, in a folder that is thrown away: what they print, the value of their last line and
their matplotlib figures are the outputs. `--fast` sets PHYSGEN_FAST=1, which shortens trainings, as the tests do.
"""

from __future__ import annotations

import argparse
import ast
import base64
import contextlib
import io
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import matplotlib

DOTS = 90


def read(path: Path) -> dict[str, Any]:
    """Return a notebook."""
    return json.loads(path.read_text(encoding="utf-8"))


def execute(notebook: dict[str, Any]) -> None:
    """Run all code cells and put their outputs into them; what goes wrong in one is raised as it is."""
    matplotlib.use("agg", force=True)
    space: dict[str, Any] = {"__name__": "__main__"}
    before, columns = Path.cwd(), os.environ.get("COLUMNS")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ["COLUMNS"] = "100"
        try:
            cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
            for count, cell in enumerate(cells, start=1):
                cell["execution_count"], cell["outputs"] = count, outputs("".join(cell["source"]), space, count)
        finally:
            os.chdir(before)
            os.environ.pop("COLUMNS") if columns is None else os.environ.update(COLUMNS=columns)


def outputs(source: str, space: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """Run one cell in the namespace `space` and return its outputs in the form of a notebook."""
    from matplotlib import pyplot

    body = ast.parse(source)
    last = body.body.pop() if body.body and isinstance(body.body[-1], ast.Expr) else None
    name, value = f"<cell {count}>", None
    said, warned = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(warned):
            exec(compile(body, name, "exec"), space)
            if last is not None:
                value = eval(compile(ast.Expression(last.value), name, "eval"), space)
    except Exception as error:
        error.add_note(f"in cell {count}, which printed: {said.getvalue()[-2000:]} {warned.getvalue()[-2000:]}")
        raise
    found = []
    for stream, text in (("stdout", said), ("stderr", warned)):
        if text.getvalue():
            found.append({"output_type": "stream", "name": stream, "text": text.getvalue().splitlines(keepends=True)})
    for number in pyplot.get_fignums():
        image = io.BytesIO()
        pyplot.figure(number).savefig(image, format="png", dpi=DOTS)
        data = {"image/png": base64.b64encode(image.getvalue()).decode(), "text/plain": ["<Figure>"]}
        found.append({"output_type": "display_data", "data": data, "metadata": {}})
    pyplot.close("all")
    if value is not None and not source.rstrip().endswith(";"):
        data = {"text/plain": repr(value).splitlines(keepends=True)}
        found.append({"output_type": "execute_result", "execution_count": count, "data": data, "metadata": {}})
    return found


def write(path: Path, notebook: dict[str, Any]) -> None:
    """Write a notebook as Jupyter does."""
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    """Execute the notebooks of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="+", type=Path)
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    os.environ["PHYSGEN_FAST"] = "1" if options.fast else "0"
    for path in options.notebooks:
        start = time.process_time()
        notebook = read(path)
        execute(notebook)
        if options.write:
            write(path, notebook)
        print(f"{path}: {time.process_time() - start:.0f} CPU-s")


if __name__ == "__main__":
    main()
