"""The page on Python does what it says."""

import re
import shlex
import sys
from pathlib import Path

import pytest
import torch

from physgen.cli.verbs import VERBS
from physgen.models import Model
from physgen.systems import System

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")


@pytest.mark.filterwarnings("ignore")  # what lightning says on a machine with or without a GPU
def test_the_code_of_the_page_runs(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(ROOT / "examples")
    torch.manual_seed(1)
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(blocks) == 8
    try:
        exec(compile("\n".join(blocks), "python.md", "exec"), {})
    finally:
        sys.modules.pop("anharmonic_trap", None)
        System.registry.pop("AnharmonicTrap", None)
        Model.registry.pop("TrapNetwork", None)
    printed = [line for line in capsys.readouterr().out.splitlines() if re.match(r"-?\d\.\d+\(\d", line)]
    value, error = re.match(r"(\d\.\d+)\((\d+)\)", printed[0]).groups()
    assert abs(float(value) - 3) < 6 * int(error) * 10.0 ** -len(value.split(".")[1])


def test_commands_of_the_page_name_verbs():
    commands = [shlex.split(line) for line in re.findall(r"^python -m physgen .*", PAGE, re.MULTILINE)]
    assert len(commands) == 8 and {command[3] for command in commands} <= set(VERBS)
