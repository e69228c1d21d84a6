import importlib.util
from pathlib import Path

import pytest

CHECK = Path(__file__).parents[2] / "benchmarks" / "checks" / "hostile.py"


@pytest.fixture(scope="module")
def hostile():
    spec = importlib.util.spec_from_file_location("hostile", CHECK)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(__import__("sys").modules, "hostile", module)  # dataclasses look their module up
        spec.loader.exec_module(module)
        yield module


def test_hostile_files_neither_import_nor_write_outside_nor_break(hostile, tmp_path):
    import sys

    sys.addaudithook(hostile.hook)
    made = hostile.cases(tmp_path.resolve())
    assert len(made) >= 200
    for case in made[3::24]:
        case.calls = case.calls[:1]
        found = hostile.judge(case, tmp_path.resolve())
        assert {k: v for k, v in found.items() if v} == {"calls": 1}, case.name


def test_the_check_sees_what_is_forbidden(hostile, tmp_path):
    def make(place):
        (place / "mine.py").write_text(
            "import evilmod\nopen('../../outside', 'w').close()\nprint('\\x1b]0;x')\n1 / 0\n"
        )

    found = hostile.judge(hostile.Case("", make, [["list", "systems", "--import=mine"]]), tmp_path.resolve())
    assert found["imported"] == 2 and found["outside"] == 2 and found["escape"] == 1
