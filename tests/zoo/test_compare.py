"""Comparison of runs: the numbers of a table, where runs come from, what is written, and what is refused."""

import csv
import json
import math
import re
import shutil
import subprocess
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest
import wandb

from physgen.cli import main
from physgen.cli.compare import opened
from physgen.cli.compare import run as compare_cli
from physgen.core.errors import InputError
from physgen.core.shipped import shipped
from physgen.runs import wandb_runs
from physgen.runs.finished_runs import Run, flat, keep_record
from physgen.runs.result import Estimate, Result
from physgen.systems import Reference
from physgen.zoo.compare import compare
from physgen.zoo.comparison_row import joined, mean
from physgen.zoo.open_run import open_run

EXACT = Reference("energy", 4.0, 0.0, "exact", "closed form", True)


pytestmark = pytest.mark.usefixtures("no_service_left_behind")


@pytest.fixture(scope="module")
def folders(tiny, tmp_path_factory):
    """Three short trainings that differ in the seed, also recorded by W&B offline."""
    root = tmp_path_factory.mktemp("runs")
    for seed in (1, 2, 3):
        more = f"--seed_everything {seed} --wandb offline --figures {'true' if seed == 1 else 'false'}"
        main(tiny("GaussianBinaryRBM", root / str(seed), f"{more} --trainer.max_epochs 2"))
    return [root / str(seed) for seed in (1, 2, 3)]


@pytest.fixture
def broken(folders, tmp_path):
    """Return a copy of a run whose `result.json` a function has changed."""

    def copy(change):
        folder = tmp_path / f"broken{len(list(tmp_path.iterdir()))}"
        shutil.copytree(folders[0], folder, ignore=shutil.ignore_patterns("wandb"))
        path = folder / "result.json"
        changed = change(path.read_text())
        path.unlink() if changed is None else path.write_text(changed)
        return str(folder)

    return copy


def made(value, error, seed=1, model="RBM", reference=EXACT, system="dot", iterations=10, **settings):
    recipe = {"class_path": f"x.{model}", "init_args": {"system": {"class_path": "x.Dot"}, **settings}}
    source = {"model": model, "system": system, "seed": seed, "recipe": recipe, "iterations": iterations}
    result = Result("energy", {"energy": Estimate(value, error)}, {"variance": 0.5 * seed}, [], reference, source)
    return Run(f"runs/{model}/{seed}", result)


def numbers(comparison):
    """Rows without the names of their runs."""
    return [{k: v for k, v in row.numbers().items() if k != "run"} for row in comparison.rows]


def test_seeds_are_averaged_with_the_larger_of_scatter_and_evaluation():
    wide = compare([made(v, 0.01, seed) for seed, v in enumerate((4.0, 4.1, 4.2), 1)]).rows
    assert len(wide) == 1 and len(wide[0].runs) == 3
    assert wide[0].value.value == pytest.approx(4.1) and wide[0].spread == pytest.approx(0.1)
    assert wide[0].value.error == pytest.approx(0.1 / math.sqrt(3))
    assert wide[0].gap.value == pytest.approx(2.5) and wide[0].gap.error == pytest.approx(2.5 / math.sqrt(3))
    assert wide[0].average("variance") == pytest.approx(1.0) and wide[0].average("ess") is None
    narrow = mean([Estimate(1.0, 0.3), Estimate(1.0, 0.4)])
    assert (narrow.value, narrow.error) == (1.0, pytest.approx(0.25))
    assert mean([Estimate(2.0, 0.1)]) == Estimate(2.0, pytest.approx(0.1))
    cells = compare([made(4.2, 0.02, 1), made(4.2, 0.02, 2)]).table()[0]
    assert cells[:6] == ["runs/RBM/{1,2}", "RBM", "2", "4.200(14)", "0", "5.0(4)"]


def test_a_gap_is_percent_for_energies_and_nats_for_densities():
    noisy = Reference("energy", -2.0, 0.03, "DMC", "paper")
    (row,) = compare([made(-1.9, 0.04, reference=noisy)]).rows
    assert (row.unit, row.gap.value, row.gap.error) == ("%", pytest.approx(5.0), pytest.approx(2.5))
    assert compare([made(-1.9, 0.04, reference=None)]).rows[0].gap is None
    entry = "classical-dot-n20-beta10/autoregressive"
    (row,) = compare([open_run(entry)]).rows
    assert (row.unit, row.gap) == ("nats", row.results[0].estimates["kl"])
    assert "KL / nats" in compare([open_run(entry)]).columns()


def test_only_the_seed_may_differ_within_a_row():
    runs = [made(4.0, 0.1, 1, hidden=2.0), made(4.1, 0.1, 2, hidden=2), made(4.2, 0.1, 1, hidden=4)]
    runs += [made(4.3, 0.1, 1, hidden=2), made(4.4, 0.1, 1, model="MLP"), made(4.5, 0.1, 2, hidden=2, iterations=20)]
    rows = compare(runs).rows
    assert [[run.seed for run in row.runs] for row in rows] == [[1, 2], [1], [1], [1], [2]]
    assert rows[1].varied == "hidden = 4, iterations = 10" and rows[3].varied == ""
    sampler = {"class_path": "physgen.samplers.MALA", "init_args": {"walkers": 4}}
    assert flat({"sampler": sampler, "hidden": [8, 8]}) == {"sampler": "MALA", "sampler.walkers": 4, "hidden": (8, 8)}


@pytest.mark.parametrize(
    ("names", "one"),
    [
        (["a/1/x", "a/2/x"], "a/{1,2}/x"),
        (["a/1", "a/12"], "a/1{,2}"),
        (["a"], "a"),
        (["seed=1", "seed=3", "seed=2"], "seed={1,3,2}"),
        (["b", "a"], "{b,a}"),
    ],
)
def test_names_are_joined(names, one):
    assert joined(names) == one


def test_what_must_be_known_is_said():
    low = made(3.0, 0.01, 1)
    other = made(4.1, 0.1, 2, reference=Reference("energy", 4.01, 0.02, "DMC", "paper"))
    notes = "\n".join(compare([low, other]).notes())
    assert "runs/RBM/1: ALARM" in notes and "references differ: exact 4; DMC 4.01(2)" in notes
    assert "no training curve kept: runs/RBM/1, runs/RBM/2" in notes and "newer" not in notes
    low.result.provenance["physgen"] = "99.1.0"
    assert "runs/RBM/1: made by a newer physgen (99.1.0)" in "\n".join(compare([low]).notes())
    folded = made(4.0, 0.1)
    folded.result.guarantee = "violated"
    assert compare([folded]).table()[0][3] == "4.00(10) (not a bound)"


def test_folders_offline_and_online_runs_give_the_same_numbers(folders, monkeypatch):
    local = [open_run(str(folder)) for folder in folders]
    logs = [next((folder / "wandb").glob("offline-run-*")) for folder in folders]
    offline = [open_run(str(path)) for path in logs]
    assert [run.name for run in offline] == [f"{folder} (W&B)" for folder in folders]
    expected = numbers(compare(local))
    assert expected[0]["number_of_seeds"] == 3 and expected[0]["train_cpu_seconds"] is not None
    assert numbers(compare(offline)) == expected
    same = compare([*local, *offline])  # a seed that is there already opens another row
    assert [len(row.runs) for row in same.rows] == [3, 3] and numbers(same)[0] == numbers(same)[1]
    for a, b in zip(local, offline, strict=True):
        assert a.result.text() == b.result.text() and a.curve.steps.tolist() == [2, 4, 6, 8]
        for name in ("steps", "values", "cpu_seconds"):
            np.testing.assert_array_equal(getattr(a.curve, name), getattr(b.curve, name))
    assert offline[1].structure is None and offline[0].structure.keys() == local[0].structure.keys()
    for name, values in offline[0].structure.items():
        np.testing.assert_allclose(values, local[0].structure[name], rtol=1e-5, err_msg=name)
    assert offline[0].structure["g_of_r"].shape == (80,)

    def served(path):
        run = offline[int(path.rsplit("/", 1)[1])]
        history = zip(run.curve.steps, run.curve.values, run.curve.cpu_seconds, strict=True)
        keys = ("trainer/global_step", "train/energy", "train/cpu_seconds")
        rows = [dict(zip(keys, row, strict=True)) for row in history]
        return SimpleNamespace(summary_metrics={"result": run.result.text()}, scan_history=lambda keys: rows)

    monkeypatch.setattr(wandb, "login", lambda **_: True)
    monkeypatch.setattr(wandb, "Api", lambda timeout: SimpleNamespace(run=served))
    online = [open_run(f"me/physgen/{i}") for i in range(3)]
    assert numbers(compare(online)) == expected
    assert [run.curve.values.tolist() for run in online] == [run.curve.values.tolist() for run in local]


def test_what_an_entry_keeps_of_a_run(folders, tmp_path):
    run = open_run(str(folders[0]))
    keep_record(folders[0], tmp_path, run.result)
    shutil.copy(folders[0] / "result.json", tmp_path)
    kept = open_run(str(tmp_path))
    np.testing.assert_array_equal(kept.curve.steps, run.curve.steps)
    np.testing.assert_allclose(kept.curve.values, run.curve.values, rtol=1e-7)
    np.testing.assert_allclose(kept.curve.cpu_seconds, run.curve.cpu_seconds, rtol=1e-5)
    assert kept.structure.keys() == run.structure.keys()
    np.testing.assert_allclose(kept.structure["g_of_r"], run.structure["g_of_r"], rtol=1e-6)
    # a long training keeps means of its records
    with (tmp_path / "metrics.csv").open("w") as file:
        file.write("step,train/energy,train/cpu_seconds\n")
        file.writelines(f"{10 * i},{i % 2},{i}\n" for i in range(1, 1001))
    long = tmp_path / "long"
    long.mkdir()
    (tmp_path / "structure.npz").rename(long / "structure.npz")  # of an earlier run, of which nothing may stay
    keep_record(tmp_path, long, run.result)
    shutil.copy(folders[0] / "result.json", long)
    curve = open_run(str(long)).curve
    assert open_run(str(long)).structure is None
    assert len(curve.steps) == 200 and (curve.steps[-1], curve.cpu_seconds[-1]) == (10_000, 1000)
    np.testing.assert_allclose(curve.values, [0.6, 0.4] * 100)


def test_the_time_of_a_curve_ends_at_the_cost_of_the_training(folders, broken):
    run = open_run(str(folders[0]))
    seconds = run.curve.cpu_seconds
    assert (np.diff(seconds) >= 0).all() and seconds[0] > 0
    assert seconds[-1] <= run.result.provenance["train_cpu_seconds"] + 0.05
    old = broken(lambda text: json.dumps({**json.loads(text), "provenance": {
        **json.loads(text)["provenance"], "train_cpu_seconds": 16.0}}))  # fmt: skip
    with open(f"{old}/metrics.csv", newline="") as file:
        rows = [{k: v for k, v in row.items() if k != "train/cpu_seconds"} for row in csv.DictReader(file)]
    with open(f"{old}/metrics.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    np.testing.assert_allclose(open_run(old).curve.cpu_seconds, [4, 8, 12, 16])


def test_table_and_figures_are_written(folders, tmp_path, capsys):
    bare = tmp_path / "bare"
    bare.mkdir()
    shutil.copy(shipped("checkpoints") / "quantum-dot-2d-n2-omega1" / "rbm-hidden2" / "result.json", bare)
    comparison = compare_cli([*map(str, folders), str(bare), "--out", str(tmp_path / "out")])
    shown = capsys.readouterr().out
    assert "exact 3" in shown and re.search(r"no training curve kept: \S*/bare\n", shown)
    assert "no structure.npz kept" in shown
    files = {path.name for path in (tmp_path / "out").iterdir() if not path.name.startswith(".")}  # a lock beside them
    figures = {"training_iterations.png", "training_cpu.png", "radial_density.png", "g_of_r.png"}
    assert files - {".lock"} == {"compare.md", "compare.csv", "compare.html", *figures}
    with (tmp_path / "out" / "compare.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    expected = [row.numbers() for row in comparison.rows]
    assert [float(row["value"]) for row in rows] == [row["value"] for row in expected]
    assert [float(row["gap"]) for row in rows] == [row["gap"] for row in expected]
    assert [row["seeds"] for row in rows] == ["1 2 3", "1"]
    page, text = ((tmp_path / "out" / f"compare.{kind}").read_text() for kind in ("html", "md"))
    for cell in comparison.table()[0]:
        assert cell in text and cell.replace("'", "&#x27;") in page and cell in shown
    assert len(re.findall(r'src="data:image/png;base64,', page)) == len(figures) == page.count("src=")


def test_runs_of_different_systems_are_compared_by_their_gaps(folders, tmp_path, capsys):
    names = ["quantum-dot-2d-n6-omega1/slater-jastrow", "quartic-well-beta1/invertible-flow"]
    comparison = compare_cli([*map(str, folders), *names, "--out", str(tmp_path / "out")])
    assert [len(row.runs) for row in comparison.rows] == [3, 1, 1]
    shown = capsys.readouterr().out
    text = (tmp_path / "out" / "compare.md").read_text()
    for cells, name in zip(comparison.table()[1:], names, strict=True):
        result = open_run(name).result
        assert cells[0] == result.provenance["system"] and str(result.headline) in cells[4]
        assert cells[5] == f"{compare([open_run(name)]).rows[0].gap} {'nats' if 'kl' in result.estimates else '%'}"
        assert all(cell in text and cell in shown for cell in cells)
    assert "3 systems" in shown and not list((tmp_path / "out").glob("*.png"))
    with (tmp_path / "out" / "compare.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["gap_unit"].lstrip("'") for row in rows] == ["%", "%", "nats"] and rows[1][
        "system"
    ] == "quantum-dot-2d-n6-omega1"
    assert float(rows[2]["gap"]) == open_run(names[1]).result.estimates["kl"].value


def aged(text):
    fields = json.loads(text)
    fields["provenance"]["physgen"] = "99.1.0"
    return json.dumps({**fields, "estimates": "in another form"})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (aged, "it was written by a newer physgen (99.1.0); please update"),
        (lambda text: None, "holds no result.json"),
        (lambda text: text[:200], "cannot be read: JSONDecodeError"),
        (lambda text: text.replace('"estimates"', '"values"'), "cannot be read: KeyError: 'estimates'"),
        (lambda text: "[1]", "cannot be read: TypeError"),
    ],
)
def test_a_bad_run_is_left_out_and_said(change, words, folders, broken, refused, tmp_path, monkeypatch):
    bad = broken(change)
    monkeypatch.setattr("physgen.zoo.comparison_pages.figures", lambda comparison: {})  # they take the longest
    said = refused(["compare", bad, *folders, "--out", tmp_path / "out"], words)
    assert bad in said and said.startswith("physgen: error: left out: ")
    assert words in (tmp_path / "out" / "compare.md").read_text()
    with (tmp_path / "out" / "compare.csv").open(newline="") as file:
        assert [row["number_of_seeds"] for row in csv.DictReader(file)] == ["3"]
    refused(["compare", bad], words)


def test_names_that_mean_nothing(refused, tmp_path):
    (tmp_path / "wandb").mkdir()
    said = refused(["compare", "quantum-dot-2d-n2-omega1/rbm-jastrw"], "no run folder, pretrained entry")
    assert "did you mean quantum-dot-2d-n2-omega1/rbm-jastrow" in said
    refused(["compare", tmp_path / "wandb"], "holds no result.json")
    refused(["compare"], "RUN")
    refused(["compare", "x", "--nonsense"], "--nonsense")
    refused(["compare", "x", "--wandb", "sideways"], "sideways")


def test_records_of_wandb_that_cannot_be_compared(folders, refused, tmp_path):
    (log,) = (folders[0] / "wandb").glob("offline-run-*/*.wandb")
    (tmp_path / "garbage.wandb").write_bytes(b"nonsense" * 20)
    refused(["compare", tmp_path / "garbage.wandb"], "cannot be read")
    with pytest.raises(InputError, match="W&B run x holds no result: it was not finished"):
        wandb_runs.recorded("x", {"energy": 1.0}, [])
    with pytest.raises(InputError, match="result of W&B run x cannot be read"):
        wandb_runs.recorded("x", {"result": "{"}, [])
    (tmp_path / "wandb" / "run-1").mkdir(parents=True)
    for name in ("a", "b"):
        shutil.copy(log, tmp_path / "wandb" / "run-1" / f"{name}.wandb")
    refused(["compare", tmp_path / "wandb"], "must be the folder of one run, it holds 2")


def test_without_an_account_an_online_run_is_left_out(monkeypatch, folders):
    monkeypatch.setattr(wandb, "login", lambda **_: False)
    runs, left_out = opened(["me/physgen/abc", str(folders[0])])
    assert [run.name for run in runs] == [str(folders[0])]
    (reason,) = left_out
    assert reason.startswith("run me/physgen/abc is no folder, and W&B did not give it: not logged in")


def test_an_unreachable_server_ends_after_the_patience(monkeypatch):
    wandb_runs.end_service()  # settings are read once
    monkeypatch.setattr(wandb_runs, "PATIENCE", 1)
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
    with pytest.raises(InputError, match="W&B did not give it: (Failed to verify credentials|no answer within 2 s)"):
        open_run("me/physgen/abc")


def test_a_service_that_never_answers_is_left_behind(monkeypatch):
    """W&B's own waits for its service know no limit, nor does the end of a process."""
    stuck = threading.Event()
    asked = []
    monkeypatch.setattr(wandb_runs, "PATIENCE", 0.05)
    monkeypatch.setattr(wandb, "login", lambda **_: asked.append("login") or stuck.wait(60) and False)
    monkeypatch.setattr(wandb, "teardown", lambda: asked.append("teardown") or stuck.wait(60))
    with pytest.raises(InputError, match="W&B did not give it: no answer within 0.1 s"):
        open_run("me/physgen/abc")
    stuck.set()
    assert asked == ["login", "teardown"]


def test_a_comparison_is_pushed_offline_when_the_server_is_silent(folders, tmp_path, monkeypatch, capsys, caplog):
    monkeypatch.setattr(wandb, "login", lambda **_: True)
    monkeypatch.setattr(wandb, "Api", lambda timeout: (_ for _ in ()).throw(ConnectionError("silence")))
    out = tmp_path / "out"
    compare_cli([*map(str, folders), "--out", str(out), "--wandb", "online"])
    assert caplog.text.count("W&B cannot be reached (ConnectionError): this comparison is recorded offline") == 1
    assert wandb.run is None and (out / "compare.csv").is_file()
    (log,) = (out / "wandb").glob("offline-run-*/*.wandb")
    assert f"W&B run in {log.parent}; wandb sync uploads it" in capsys.readouterr().out
    command = [sys.executable, "-m", "wandb", "leet", "inspect", "--summary", "--json", str(log)]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)
    assert found["state"] == "finished" and found["config"]["system"] == "quantum-dot-2d-n2-omega1"
    kinds = {k: v["_type"] for k, v in found["summary"].items() if isinstance(v, dict) and "_type" in v}
    assert kinds.pop("comparison") == "table-file"
    assert kinds == dict.fromkeys(("training_iterations", "training_cpu", "radial_density", "g_of_r"), "image-file")
    table = json.loads((log.parent / "files" / found["summary"]["comparison"]["path"]).read_text())
    row = dict(zip(table["columns"], table["data"][0], strict=True))
    assert row["value"] == compare([open_run(str(f)) for f in folders]).rows[0].value.value


def test_push_without_an_account_needs_nothing(folders, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["compare", str(folders[0]), "--push"])
    (log,) = (tmp_path / "runs" / "compare" / "quantum-dot-2d-n2-omega1" / "1" / "wandb").glob("offline-run-*/*.wandb")
    assert (log.parents[2] / "compare.html").is_file()


def test_many_runs_are_compared_in_a_time_that_grows_as_their_number(monkeypatch):
    from physgen.runs import finished_runs as runs_module
    from physgen.zoo.index import entries

    held = entries()["quantum-dot-2d-n2-omega1/rbm-jastrow"]
    text = (held.folder / "result.json").read_text()
    made = []
    for i in range(60):
        fields = json.loads(text)
        fields["provenance"]["seed"] = i % 3
        fields["provenance"]["recipe"]["init_args"]["hidden"] = 2 + i // 3
        fields["estimates"]["energy"]["value"] += 1e-3 * i
        made.append(Run(f"sweep/run{i}", Result.of(json.dumps(fields), "x")))
    calls = []
    whole = runs_module.flat
    monkeypatch.setattr(runs_module, "flat", lambda *a: calls.append(a) or whole(*a))
    comparison = compare([*made, *made[:5]])
    assert len(calls) <= 4 * 65  # of every run once, and of its nested arguments
    assert [len(row.runs) for row in comparison.rows] == [3] * 20 + [3, 2]
    assert comparison.rows[4].varied == "hidden = 6"
    assert len(comparison.drawn().rows) == 20 and any("figures show" in note for note in comparison.notes())
    assert max(r.value.value for r in comparison.drawn().rows) < comparison.rows[19].value.value
