"""What is printed: on narrow terminals, into files, in poor encodings, to readers that have gone."""

import io
import os
import subprocess
import sys

import pytest
from rich.panel import Panel
from rich.table import Table

from physgen.cli import main
from physgen.cli.listing import pretrained_cells
from physgen.core.output import Output, encodable, unbreakable
from physgen.core.tables import print_table
from physgen.zoo.index import entries, read_index

WIDTHS = ["0", "1", "20", "40", "80", "200", "garbage"]
ENCODINGS = ["ascii", "latin-1", "gbk", "cp932", "cp1252", "big5", "koi8-r"]


@pytest.fixture
def terminal(monkeypatch):
    """Make standard output count as a terminal of so many columns."""

    def wide(columns):
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.setenv("COLUMNS", columns)

    return wide


@pytest.mark.parametrize("columns", WIDTHS)
def test_a_list_holds_every_name_whole_at_any_width(columns, terminal, capsys):
    terminal(columns)
    main(["list"])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    index = read_index()
    names = [*index["systems"], *index["models"], *index["samplers"], *entries()]
    assert set(names) <= {line[0] for line in lines if line}
    assert {f"configs/{name}" for name in index["configs"]} <= {line[0] for line in lines if line}


def test_a_list_into_a_file_has_one_row_a_line(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "20")
    main(["list", "pretrained"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + len(entries()) and not any(line.endswith(" ") for line in lines)
    assert sum("neural-backflow" in line for line in lines) == sum("neural-backflow" in name for name in entries())


def test_a_list_writes_numbers_as_all_tables_do():
    entry = {"quantity": "energy", "value": 3.000009, "error": 3e-5, "reference": 3.0, "exact": True}
    assert pretrained_cells(entry) == ("energy 3.00001(3)", "exact 3", "0.0003(10) %")
    dmc = {**entry, "reference": 2.99, "reference_error": 0.01, "exact": False, "method": "DMC"}
    assert pretrained_cells(dmc)[1] == "DMC 2.990(10)"
    assert pretrained_cells({**entry, "quantity": "free_energy", "kl": [0.0123, 0.0004]})[2] == "0.0123(4) nats"
    assert pretrained_cells({"quantity": "energy", "value": 3.0, "error": 0.1}) == ("energy 3.00(10)", "", "")


def test_every_reference_of_the_entries_has_its_method():
    known = [entry.record for entry in entries().values() if entry.record["reference"] is not None]
    assert known and all(record["exact"] or record["method"] for record in known)


@pytest.mark.parametrize("columns", WIDTHS)
def test_a_card_is_shown_whole_at_any_width(columns, terminal, capsys):
    terminal(columns)
    name = "quantum-dot-2d-n2-omega1/rbm-jastrow"
    main(["show", name])
    shown = capsys.readouterr().out
    assert "…" not in shown and name in shown.replace("\n", "") and "GaussianBinaryRBM" in shown


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("file", [False, True])
def test_tables_cut_nothing(columns, file, terminal, capsys):
    if not file:
        terminal(columns)
    cells = [
        "runs/a [b] :smile:/a-name-of-more-than-forty-letters-0123456789",
        "3.00001(3)",
        "a sentence of many words",
    ]
    table = Table("run", "E", "what", title="title")
    table.add_row(*cells)
    print_table(table)
    shown = capsys.readouterr().out
    assert all(word in shown for cell in cells[1:] for word in cell.split()) and cells[0] in shown
    if file:
        assert any(all(cell in line for cell in cells) for line in shown.splitlines())


def test_output_in_any_encoding_is_plain(monkeypatch):
    for encoding in ENCODINGS:
        raw = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict")
        monkeypatch.setattr(sys, "stdout", raw)
        with unbreakable():
            print("• note … 3 ± 1 日本 \udcff")
            main(["list", "models"])
        assert sys.stdout is raw
        text = raw.buffer.getvalue().decode(encoding)
        assert " note " in text and "GaussianBinaryRBM" in text
    assert encodable("• a … ± é", io.TextIOWrapper(io.BytesIO(), encoding="ascii")) == "* a ... +- ?"
    assert encodable("• é", io.TextIOWrapper(io.BytesIO(), encoding="utf-8")) == "• é"


def test_a_reader_that_has_gone_ends_nothing():
    class Gone(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    output = Output(Gone())
    assert output.write("a") == 1 and output.write("b") == 1
    output.flush()


@pytest.mark.parametrize("streams", [">&-", "2>&-", ">&- 2>&- <&-", "> /dev/full 2>&1", "| head -n 1"])
def test_closed_full_and_broken_streams(streams):
    program = f"set -o pipefail; {sys.executable} -m physgen list {streams}"
    environment = os.environ | {"PYTHONIOENCODING": "ascii:strict"}
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 0 and done.stderr == ""


@pytest.mark.parametrize("columns", WIDTHS)
def test_the_panel_of_a_result_cuts_nothing(columns, terminal, capsys):
    from rich.console import Group
    from rich.text import Text

    from physgen.core.tables import print_panel

    terminal(columns)
    table = Table("quantity", "measured", "reference", box=None)
    table.add_row("free_energy (independence Metropolis)", "3.00001(3)", "DMC 3.001(2)")
    print_panel(Panel(Group(Text("E = 3.00001(3)"), table), title="Model on system", expand=False))
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("Metropolis", "3.00001(3)", "3.001(2)", "Model"))


def test_help_and_list_show_no_tex():
    import inspect

    from physgen.models import Model
    from physgen.samplers import Sampler
    from physgen.systems import System

    for kind in (k for family in (Model, System, Sampler) for k in family.registry.values()):
        text = inspect.getdoc(kind) or ""
        shown = text.split("\n\n")[0] + text.partition("Args:")[2]
        assert "$" not in shown and "\\" not in shown, kind.__name__
