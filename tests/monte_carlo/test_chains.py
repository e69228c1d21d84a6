import json

import pytest

from physgen.cli import main
from physgen.cli import reference as reference_cli
from physgen.core.tables import console
from physgen.monte_carlo import load_samples
from physgen.monte_carlo.chains import MonteCarlo
from physgen.systems import ClassicalDot

DOT = ["--system", "ClassicalDot", "--system.n", "2", "--system.beta", "4"]
QUICK = ["--error", "0.1", "--walkers", "16"]


def test_table_files_and_cache(tmp_path, capsys):
    command = ["reference", *DOT, *QUICK, "--samples", "50", "--output", str(tmp_path / "out")]
    main(command)
    shown = capsys.readouterr().out
    for word in ("free_energy", "energy", "coulomb", "virial", "sigma", "computed", "shell 1"):
        assert word in shown
    for name in ("radial_density.png", "g_of_r.png", "reference.npz", "samples.npz"):
        assert (tmp_path / "out" / name).stat().st_size > 0
    assert json.loads((tmp_path / "out" / "reference.json").read_text())["origin"] == "computed"
    assert load_samples(tmp_path / "out" / "samples.npz", ClassicalDot(2, beta=4.0)).shape == (50, 2, 2)
    main(command)
    assert "(cached)" in capsys.readouterr().out
    assert json.loads((tmp_path / "out" / "reference.json").read_text())["origin"] == "cached"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "system"),
        (["--system", "ClasicalDot"], "did you mean ClassicalDot"),
        (["--system", "QuantumDot"], "classical system"),
        (["--system", "ClassicalDot", "--system.beta", "-1"], "beta must be"),
        (["--system", "ClassicalDot", "--system.n", "zero"], "n"),
        (["--system", "ClassicalDot", "--system.m", "3"], "m"),
        ([*DOT, "--error", "0"], "error must be"),
        ([*DOT, "--error", "small"], "error"),
        ([*DOT, "--samples", "-5"], "samples must be"),
        ([*DOT, "--walkers", "1"], "walkers must be"),
        ([*DOT, "--sample", "5"], "sample"),
    ],
)
def test_bad_input_is_one_line(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main(["reference", *arguments])
    error = capsys.readouterr().err
    assert stop.value.code == 2 and error.startswith("physgen: error: ") and error.count("\n") == 1
    assert message in error


def test_interrupt_leaves_nothing(tmp_path, capsys, monkeypatch, cache):
    def stop(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(MonteCarlo, "run", stop)
    with pytest.raises(SystemExit) as left:
        main(["reference", *DOT, *QUICK, "--output", str(tmp_path / "out")])
    assert left.value.code == 130 and "interrupted" in capsys.readouterr().err
    assert not (tmp_path / "out").exists() and not cache.exists()


def test_help(capsys):
    with pytest.raises(SystemExit) as left:
        main(["reference", "--help"])
    assert left.value.code == 0 and "--samples" in capsys.readouterr().out


def ahead_of(monkeypatch, times, **settings):
    """A `CostAhead` of the dot whose clock tells these times."""
    ticks = iter(times)
    monkeypatch.setattr(reference_cli.time, "perf_counter", lambda: next(ticks))
    return reference_cli.CostAhead(ClassicalDot(n=3), reference_cli.Settings(**settings), console(stderr=True))


def test_a_long_measurement_says_so_after_its_first_moves(capsys, monkeypatch):
    ahead = ahead_of(monkeypatch, [0.0, 0.01, 1.0, 3.0, 5.0], warm_up=500, most_moves=1000)
    for share in (0.0, 0.0, 0.1 / 500):
        ahead(share)
    assert capsys.readouterr().err == "2 s a move: between 27 min and 50 min; Ctrl-C ends it\n"


def test_a_very_long_measurement_says_so_before_any_move(capsys, monkeypatch):
    ahead = ahead_of(monkeypatch, [0.0, 1.0, 1.0], walkers=64)
    ahead(0.0)
    assert capsys.readouterr().err == "3.8e+02 s a move: between 64.0 h and 5365.3 h; Ctrl-C ends it\n"


def test_the_first_word_comes_before_the_first_evaluation(monkeypatch):
    from physgen.monte_carlo import chains

    def evaluated(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(chains, "ReplicaExchange", evaluated)
    heard = []
    with pytest.raises(KeyboardInterrupt):
        MonteCarlo(ClassicalDot(n=3), reference_cli.Settings(), lambda share, text: heard.append(share))
    assert heard == [0.0]


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(
            "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 79999200000 bytes"
        ),
        MemoryError("Unable to allocate 7.45 GiB for an array"),
    ],
)
def test_too_little_memory_is_one_line(error, capsys, tmp_path, monkeypatch, cache):
    def short(self):
        raise error

    monkeypatch.setattr(MonteCarlo, "run", short)
    with pytest.raises(SystemExit) as left:
        main(["reference", *DOT, *QUICK, "--output", str(tmp_path / "out")])
    said = capsys.readouterr().err.strip()
    assert left.value.code == 1 and said.count("\n") == 0 and said.startswith("physgen: error: not enough memory: ")
