"""A part of the calls of `benchmarks.checks.python_calls`: refused in one line that names the argument, or right."""

import torch

from benchmarks.checks.python_calls import main
from physgen.cli.parser import one_line


def test_odd_calls_from_python_are_refused_or_right(capsys):
    assert main(every=101) == 0, capsys.readouterr().out


def test_errors_without_text_keep_the_name_of_their_type():
    assert one_line("") == one_line("\x1b[0m\n") == "no reason was given"
    for error in (NotImplementedError(), RuntimeError("\n"), torch.OutOfMemoryError()):
        assert one_line(error) == type(error).__name__
    assert one_line("usage: x") == "usage: x"
    assert one_line(ValueError("first:\nsecond")) == "second"
