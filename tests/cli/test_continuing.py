"""Every command that a run prints can be pasted: it parses, and the files that it names are there."""

import shlex

import pytest

from physgen.cli import main
from physgen.cli.training import ArgumentsOnly, run


@pytest.fixture
def odd(tmp_path, monkeypatch):
    """A current folder, for runs in folders whose names a shell would take apart."""
    monkeypatch.chdir(tmp_path)
    return "runs of mine/[a]*'x"


def printed(capsys):
    """Return the words of the commands that were printed, each of which ends its line."""
    lines = [line for line in capsys.readouterr().out.splitlines() if "python -m physgen " in line]
    return [shlex.split(line[line.index("python -m physgen") :])[3:] for line in lines]


def is_sound(words):
    """Judge a command by the parser that it is for."""
    assert words[0] == "fit"
    assert run(words, ArgumentsOnly).model is not None


SHORT = "--evaluation.samples 100 --evaluation.batch 50 --figures false --trainer.enable_progress_bar false"


def test_commands_after_fit_and_test(odd, tiny, tmp_path, capsys):
    main([*tiny("MLPFlow", "x")[:-2], "--run_folder", odd])
    fitted = printed(capsys)
    main(["test", odd, *SHORT.split(), "--run_folder", "tested"])
    tested = printed(capsys)
    main(["test", "quantum-dot-2d-n2-omega1/rbm-jastrow", *SHORT.split(), "--run_folder", "entry"])
    entry = printed(capsys)
    assert len(fitted) == len(tested) == len(entry) == 1
    assert fitted[0][:3] == tested[0][:3] == ["fit", "--config", f"{odd}/config.yaml"]
    assert entry[0][2] == "checkpoints/quantum-dot-2d-n2-omega1/rbm-jastrow/config.yaml"
    for words in (*fitted, *tested, *entry):
        is_sound(words)


def test_no_command_where_nothing_was_kept_that_it_needs(odd, tiny, tmp_path, capsys):
    main([*tiny("MLPFlow", odd), "--trainer.fast_dev_run", "true"])
    assert printed(capsys) == []
    main(tiny("MLPFlow", "whole"))
    (tmp_path / "whole" / "config.yaml").unlink()
    capsys.readouterr()
    main(["test", "whole", *SHORT.split(), "--run_folder", "tested"])
    assert printed(capsys) == []


def test_the_command_after_a_sweep(odd, tiny, capsys):
    rest = [a for a in tiny("MLPFlow", "x")[1:] if a not in ("x", "--run_folder")]
    main(["sweep", "--seeds", "1,2", *rest, "--run_folder", odd])
    *_, (verb, runs, *rest) = printed(capsys)
    assert verb == "compare" and runs == f"{odd}/*/" and rest == ["--out", "comparison"]
