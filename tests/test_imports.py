"""One direction of import, read from the source; and what `import physgen` may cost."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "physgen"

#: from below to above: a module or folder imports from lower layers and from itself, never from beside it
LAYERS = [
    ["core"],
    ["nn", "samplers", "optim", "stats", "figures"],
    ["observables"],
    ["spaces"],
    ["systems"],
    ["runs"],
    ["objectives", "monte_carlo", "data"],
    ["models"],
    ["callbacks", "dmc"],
    ["zoo"],
    ["cli"],
    ["__main__", "errors", "evaluation", "result"],  # the last three are old names for users' files
]
HEIGHT = {name: height for height, layer in enumerate(LAYERS) for name in layer}
LEAVES = next(layer for layer in LAYERS if "nn" in layer)
FOR_LEAVES = {"core"}
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def unit_of(path):
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported_units(source, path):
    """Units of the package that a source imports anywhere, also inside functions, with the line of each."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            module = node.module
            names = [f"physgen.{alias.name}" for alias in node.names] if module == "physgen" else [module]
        elif isinstance(node, ast.ImportFrom):
            raise AssertionError(f"{path}:{node.lineno}: relative imports are not read by this test")
        else:
            continue
        for name in names:
            first, *rest = name.split(".")
            if first == "physgen" and rest and not rest[0].startswith("__"):  # `import physgen` is its version
                yield rest[0], node.lineno


def violations(source, path):
    unit = unit_of(path)
    allowed = {name for name, height in HEIGHT.items() if height < HEIGHT[unit]} | {unit}
    if unit in LEAVES:
        allowed = FOR_LEAVES | {unit}
    return [f"{path.name}:{line} imports {name}" for name, line in imported_units(source, path) if name not in allowed]


def test_every_unit_has_its_layer():
    units = {unit_of(path) for path in FILES}
    assert units <= set(HEIGHT), f"say in LAYERS where {sorted(units - set(HEIGHT))} belong"


def test_the_root_holds_nothing_but_the_entrance_and_old_names():
    held = {path.name for path in PACKAGE.glob("*.py")}
    assert held == {"__init__.py", "__main__.py", "errors.py", "evaluation.py", "result.py"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_downwards(path):
    assert violations(path.read_text(encoding="utf-8"), path) == []


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("samplers/new.py", "from physgen.nn.determinants.pade_jastrow import PadeJastrow"),
        ("systems/new.py", "def late():\n    import physgen.runs.result"),
        ("stats/new.py", "from physgen.runs.evaluation import Evaluation"),
        ("objectives/new.py", "from physgen.models import Model"),
        ("models/new.py", "from physgen import zoo"),
        ("callbacks/new.py", "from physgen.zoo.card import card"),
        ("runs/new.py", "from physgen.models.base import Model"),
        ("zoo/new.py", "from physgen.errors import check"),
    ],
)
def test_the_test_sees_what_is_forbidden(file, line):
    assert len(violations(line, PACKAGE / file)) == 1


def test_the_test_lets_pass_what_is_allowed():
    source = "import physgen\nfrom physgen import __version__\nfrom physgen.core.errors import check\nimport torch\n"
    assert violations(source + "from physgen.samplers.base import accept", PACKAGE / "samplers/new.py") == []
    assert violations("from physgen.stats import v_score\nimport physgen.nn", PACKAGE / "models/new.py") == []


def loaded_by(code):
    """Names of top packages that a fresh interpreter holds after `code`."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    program = f"import sys\n{code}\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    answer = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    return set(answer.stdout.split())


HEAVY = {"torch", "lightning", "numpy", "matplotlib", "wandb"}


@pytest.mark.parametrize(
    "code", ["import physgen", "import physgen; physgen.__version__", "from physgen.cli import main; main([])"]
)
def test_import_does_not_wait_for_torch(code):
    loaded = loaded_by(code)
    assert "physgen" in loaded and not loaded & HEAVY


def test_names_are_imported_when_they_are_asked_for():
    assert "torch" in loaded_by("import physgen; physgen.systems.QuantumDot(2)")
