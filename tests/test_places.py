"""Every module has a place for its test: `tests/<room>/test_<module>.py`, or a row of `places.csv` that names one."""

import csv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE, TESTS = ROOT / "physgen", ROOT / "tests"

#: rows of the table, which may only shrink: a new module has a test file of its own name in its room
MOST = 222


def modules():
    """Modules in rooms, as `room/.../name.py`."""
    paths = (path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")
    return sorted(path for path in paths if len(path.parts) > 1)


def own_place(module):
    return TESTS / module.parts[0] / f"test_{module.stem}.py"


def table():
    with open(TESTS / "places.csv", encoding="utf-8") as file:
        return {Path(row["module"]): TESTS / row["test"] for row in csv.DictReader(file)}


def test_every_module_has_its_test():
    known = table()
    lacking = [str(module) for module in modules() if not own_place(module).is_file() and module not in known]
    assert lacking == [], "a test file of that name is missing in the room"


def test_the_table_names_what_is_there():
    known = table()
    assert [str(module) for module in known if not (PACKAGE / module).is_file()] == []
    assert [str(test.relative_to(TESTS)) for test in known.values() if not test.is_file()] == []


def test_the_table_only_shrinks():
    known = table()
    assert [str(module) for module in known if own_place(module).is_file()] == [], "these have a test of their own"
    assert len(known) <= MOST
