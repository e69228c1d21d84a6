"""No file of the package above 300 lines, no class above 150: what grows is taken apart along its nouns."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / "physgen").rglob("*.py"))
LINES_OF_A_FILE, LINES_OF_A_CLASS = 300, 150


def classes(source):
    """Lines of every class of a source, by its name; decorators count."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            yield node.name, node.end_lineno - first + 1


def test_files_are_short():
    long = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {name: lines for name, lines in long.items() if lines > LINES_OF_A_FILE} == {}


def test_classes_are_short():
    found = [pair for path in FILES for pair in classes(path.read_text(encoding="utf-8"))]
    assert {name: lines for name, lines in found if lines > LINES_OF_A_CLASS} == {}


def test_the_test_counts_lines():
    source = "import abc\n\n@decorated\nclass A:\n    x = 1\n\n    class B:\n        y = 2\n"
    assert dict(classes(source)) == {"A": 6, "B": 2}
