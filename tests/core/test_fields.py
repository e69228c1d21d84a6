"""Results, indexes and cards of a stranger: fields by their type, nothing that steers a terminal or leaves a folder."""

import copy
import csv
import json

import numpy as np
import pytest

from physgen.cli import main
from physgen.core.errors import InputError
from physgen.core.plain_text import as_cell, as_markdown, defused, folder_name, one_line
from physgen.core.shipped import shipped
from physgen.runs.folder import open_run_folder
from physgen.runs.result import Result
from physgen.zoo.index import own_index

SOUND = json.loads((shipped("checkpoints") / "quantum-dot-2d-n2-omega1/rbm-jastrow/result.json").read_text())
ESCAPE = "\x1b]0;TITLE\x07\x1b[2J\u202e\x9b1m"
EVIL = f"../../{ESCAPE}<script>alert(1)</script>|[x](http://a.b)$\\foo$"


def spoil(path, value):
    """The fields of a sound result, one of them replaced."""
    fields = copy.deepcopy(SOUND)
    *parents, last = path.split(".")
    inner = fields
    for name in parents:
        inner = inner[name]
    inner[last] = value
    return fields


WRONG = [
    *[(name, value) for name in ("notes", "provenance", "estimates", "diagnostics", "quantity", "reference")
      for value in (5, [1], "text", True)],
    ("notes", [5]), ("notes", [["a"]]), ("estimates.energy", 5), ("estimates.energy.value", "much"),
    ("estimates.energy.value", None), ("estimates.energy.value", True), ("estimates.energy.error", -1),
    ("estimates.energy.value", 10**400), ("diagnostics.tau", "x"), ("diagnostics.tau", None), ("quantity", "nothing"),
    ("reference.value", None), ("reference.exact", "yes"), ("reference.source", 5), ("reference.more", "x"),
    ("provenance.system", 5), ("provenance.system", ["a"]), ("provenance.model", {}), ("provenance.recipe", 5),
    ("provenance.recipe.init_args", [1]), ("provenance.physgen", 7), ("provenance.iterations", "many"),
    ("provenance.seed", [1]), ("provenance.command", 5), ("provenance.train_cpu_seconds", "x"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value"), WRONG, ids=str)
def test_every_field_of_a_result_has_its_type(path, value):
    with pytest.raises(InputError) as error:
        Result.of(json.dumps(spoil(path, value)), "result")
    assert "\n" not in str(error.value) and len(str(error.value)) < 200


@pytest.mark.parametrize("text", ["[" * 100_000, "", "null", "[]", "5", '{"a": ' * 200 + "1" + "}" * 200])
def test_a_text_that_is_no_result_is_refused(text, tmp_path):
    (tmp_path / "result.json").write_text(text)
    with pytest.raises(InputError, match="cannot be read"):
        Result.read(tmp_path / "result.json")
    (tmp_path / "index.json").write_text(text)
    with pytest.raises(InputError, match="index.json"):
        own_index(tmp_path)


def test_a_sound_result_is_read_as_before():
    found = Result.of(json.dumps(SOUND), "result")
    known = {
        "kind": {"name": "energy", "symbol": "E", "bound": "upper", "gap": "percent", "unit": ""},
        "guarantee": None,
    }
    assert json.loads(found.text()) == {**SOUND, **known}


ENTRY = {"sha256": "0" * 64, "quantity": "energy", "value": 1.0, "error": 0.1, "reference": 1.0, "exact": True}


@pytest.mark.parametrize(
    ("name", "change"),
    [
        *[("a/b", {k: v}) for k, v in (("sha256", 1), ("value", "x"), ("value", None), ("error", -1), ("quantity", 3),
                                       ("reference", "x"), ("exact", 1), ("kl", 5), ("kl", ["x", 1]))],
        *[(name, {}) for name in
          ("../b", "a/..", "/etc", "a", "a/b/c", "a/b\x1b[2J", "a/\u202eb", "a//b", "a/ b", ".a/b")],
    ],
)  # fmt: skip
@pytest.mark.parametrize("verb", ["list", "show"])
def test_every_field_of_an_index_has_its_type_and_names_stay_inside(name, change, verb, tmp_path, refused):
    (tmp_path / "index.json").write_text(json.dumps({name: {**ENTRY, **change}}))
    said = refused([verb, "pretrained" if verb == "list" else "a/b", f"--folder={tmp_path}"], "index.json")
    assert said.isprintable()


@pytest.fixture
def hostile(tmp_path, monkeypatch):
    """A run folder whose result is full of what steers terminals, pages and spreadsheets."""
    monkeypatch.chdir(tmp_path)
    fields = copy.deepcopy(SOUND)
    fields["provenance"].update(system=EVIL, model=f"=HYPERLINK(1){ESCAPE}", seed=1)
    fields["notes"] = [f"@note {EVIL}"]
    fields["reference"]["source"] = EVIL
    for name in ("=cmd|x", "run<img src=x onerror=y>"):
        (tmp_path / name).mkdir()
        fields["provenance"]["iterations"] = len(name)
        (tmp_path / name / "result.json").write_text(json.dumps(fields))
        np.savez(tmp_path / name / "structure.npz", radius_edges=np.zeros(3), radial_density=np.zeros(9))
    return ["=cmd|x", "run<img src=x onerror=y>"]


def test_a_comparison_of_hostile_results_shows_them_as_they_are(hostile, tmp_path, capfd):
    main(["compare", *hostile, "--out=pages"])
    said = "".join(capfd.readouterr())
    assert "\x1b" not in said and "\u202e" not in said and "\x9b" not in said and r"\x1b]0;TITLE" in said
    page = (tmp_path / "pages" / "compare.md").read_text()
    assert "<" not in page and "\x1b" not in page and "http://" not in page
    assert len({line.replace(r"\|", "").count("|") for line in page.splitlines() if line.startswith("|")}) == 1
    with (tmp_path / "pages" / "compare.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert not any(cell and cell[0] in "=+-@\t\r" and not cell[1:2].isdigit() for row in rows for cell in row.values())
    assert float(rows[0]["value"]) == SOUND["estimates"]["energy"]["value"]
    html = (tmp_path / "pages" / "compare.html").read_text()
    assert "<script" not in html and "<img src" not in html and "\x1b" not in html


def test_folders_named_by_files_stay_inside(hostile, tmp_path, monkeypatch):
    inner = tmp_path / "deep" / "inner"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    main(["compare", str(tmp_path / hostile[0]), "--wandb=off"])
    folder = open_run_folder(None, "compare", EVIL).path
    assert folder.resolve().parents[2] == inner / "runs"
    outside = [p for p in tmp_path.rglob("*") if inner not in p.parents and p.is_dir()]
    assert {p.name for p in outside} == {*hostile, "deep", "inner"}


@pytest.mark.parametrize(
    ("name", "folder"),
    [("../../x", "x"), ("..", "unnamed"), ("a/b", "a-b"), ("/etc", "etc"), ("quantum-dot-2d-n2-omega0.5",) * 2,
     ("", "unnamed"), ("\x00\x1b[2J", "2J"), (".hidden", "hidden"), ("x" * 300, "x" * 100)],
)  # fmt: skip
def test_names_of_folders(name, folder):
    assert folder_name(name) == folder


def test_texts_are_defused():
    assert defused("E = 3.0001(2) ± ω\n\tü") == "E = 3.0001(2) ± ω\n\tü"
    assert defused("\x1b[2J\u202e\x7f\x85\ud800") == r"\x1b[2J\u202e\x7f\x85\ud800"
    assert len(one_line("x" * 10**6)) < 2500 and one_line("a\n b\x07") == r"a b\x07"
    assert as_cell(-1.5) == -1.5 and as_cell("-1.5e-3") == "-1.5e-3" and as_cell("=1+1") == "'=1+1"
    assert as_cell("@x") == "'@x" and as_cell("+x") == "'+x" and as_cell("plain") == "plain" and as_cell(None) is None
    assert as_markdown("a|b <i> _x_ runs/my_run [l](http://u) `c`") == (
        r"a\|b &lt;i&gt; \_x\_ runs/my_run \[l\](http&#58;//u) \`c\`"
    )


def test_a_card_of_another_does_not_steer_the_terminal(tmp_path, capfd):
    (tmp_path / "index.json").write_text(json.dumps({"a/b": ENTRY}))
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "card.md").write_text(f"# {EVIL}\n\n[link]({ESCAPE})\n")
    main(["show", "a/b", f"--folder={tmp_path}"])
    said = "".join(capfd.readouterr())
    assert "\x1b" not in said and "\u202e" not in said and "TITLE" in said
