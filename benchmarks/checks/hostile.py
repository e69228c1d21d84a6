"""Files of a stranger through all verbs: nothing that they name is imported, nothing is written outside, no traceback.

    python -m benchmarks hostile [CASES]

Checkpoints, entries, results, indexes, configs and arrays are made from sound ones, each spoiled in one place, and
every verb that reads such a file meets it in a folder of its own, beside a module that leaves a mark when it is
imported. An audit hook counts imports of what the files name, and files opened for writing outside that folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import itertools
import json
import os
import pickle
import re
import shutil
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml

from benchmarks.places import RESULTS

OUT = RESULTS / "hostile.txt"
#: modules that a file may name: one beside it, and installed ones that do something when they are imported
MODULES = ("evilmod", "this", "antigravity", "idlelib.idle", "test.autotest")
ESCAPE = "\x1b]0;TITLE\x07\x1b[2J\u202e"
NAMES = (
    "../../x",
    "/etc/x",
    f"a{ESCAPE}b",
    "a\x00b",
    "..",
    "",
    "x" * 5000,
    "=cmd|' /C calc'!A0",
    "<script>",
    "[/red]",
    "$\\x$",
)
SHORT = ["--figures=false", "--wandb=off", "--trainer.enable_progress_bar=false", "--trainer.accelerator=cpu"]
SMALL = ["--evaluation.samples=20", "--evaluation.batch=10", "--evaluation.warm_up=1", "--evaluation.thin=1"]
TRAINED = {
    "rbm": "--model=GaussianBinaryRBM --model.system=QuantumDot --model.hidden=2 --model.sampler=Metropolis "
    "--model.sampler.walkers=8 --model.sampler.warm_up_steps=1",
    "flow": "--model=MLPFlow --model.system=ClassicalDot --model.system.n=2 --model.hidden=[8,8] --model.batch_size=4",
    "average": "--model=GroupAverage --model.system=ClassicalDot --model.system.n=2 --model.model=AutoregressiveMLP "
    "--model.model.system=ClassicalDot --model.model.system.n=2 --model.model.hidden=8 --model.batch_size=4",
}
#: where W&B keeps what it stages, in files that it names itself
OF_WANDB = re.compile(r"/\.local/share/wandb(/|$)|/tmp\w+wandb-(media|artifacts)/")
#: what is counted while a case runs
watched: dict[str, Any] = {"place": None, "imports": set(), "outside": set()}


@dataclass
class Case:
    """One hostile folder: what is put into it, and the calls that meet it there."""

    name: str
    make: Callable[[Path], None]
    calls: list[list[str]]


class Payload:
    """What leaves a mark when it is unpickled."""

    def __reduce__(self) -> Any:
        return os.system, ("touch ran",)


def hook(event: str, arguments: Any) -> None:
    """Note imports of the modules that files name, and files opened for writing outside the folder of the case."""
    if watched["place"] is None:
        return
    if event == "import" and arguments[0] in MODULES:
        watched["imports"].add(arguments[0])
    if event == "open" and isinstance(arguments[0], (str, bytes)) and isinstance(arguments[2], int):
        writes = arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        path = os.path.realpath(os.fsdecode(arguments[0]))
        inside = path.startswith((str(watched["place"]), "/dev/", "/proc/")) or path.endswith(".pyc")
        if writes and not inside and not OF_WANDB.search(path):
            watched["outside"].add(path)


def trained(folder: Path) -> dict[str, Path]:
    """Return run folders of short trainings."""
    from physgen.cli import main

    for name, model in TRAINED.items():
        words = [*model.split(), "--trainer.max_epochs=1", "--model.steps_per_epoch=2", *SHORT, *SMALL]
        main(["fit", *words, f"--run_folder={folder / name}"])
    return {name: folder / name for name in TRAINED}


def checkpoint(run: Path) -> dict[str, Any]:
    """Return the contents of a run's checkpoint."""
    return torch.load(next(run.glob("checkpoints/*.ckpt")), weights_only=True)


def saving(run: Path, change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    """Return what writes a spoiled checkpoint, alone, and into a copy of its run folder."""

    def make(place: Path) -> None:
        held = checkpoint(run)
        held = change(held) or held
        torch.save(held, place / "evil.ckpt")
        shutil.copytree(run, place / "run")
        torch.save(held, next((place / "run" / "checkpoints").glob("*.ckpt")))
        entry = place / "zoo" / "a" / "b"
        entry.mkdir(parents=True)
        torch.save({k: held[k] for k in ("physgen", "state_dict") if k in held}, entry / "weights.ckpt")
        for name in ("result.json", "config.yaml"):
            shutil.copyfile(run / name, entry / name)
        digest = hashlib.sha256((entry / "weights.ckpt").read_bytes()).hexdigest()
        record = {"sha256": digest, "quantity": "energy", "value": 1.0, "error": 0.1}
        (place / "zoo" / "index.json").write_text(json.dumps({"a/b": record}))

    return make


def of_checkpoints(model: str) -> list[list[str]]:
    """Return the calls that read a checkpoint."""
    fit = ["fit", *TRAINED[model].split(), *SHORT, *SMALL, "--trainer.max_epochs=1", "--model.steps_per_epoch=2"]
    return [
        ["test", "evil.ckpt", *SHORT, *SMALL, "--run_folder=out"],
        ["predict", "run", *SHORT, *SMALL, "--run_folder=drawn"],
        ["fit", "--ckpt_path=evil.ckpt", *SHORT, *SMALL, "--trainer.max_epochs=1", "--run_folder=on"],
        [*fit, "--run_folder=run"],
        [*fit, "--warm_start=evil.ckpt", "--run_folder=warm"],
        ["test", "a/b", "--folder=zoo", *SHORT, *SMALL, "--run_folder=tested"],
        ["verify", "a/b", "--folder=zoo", "--seconds=0.1"],
        ["publish", "run", "--folder=own"],
    ]


def put(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Return what sets a nested field, given by its path, to a value."""

    def change(held: dict[str, Any]) -> None:
        *parents, last = path.split("/")
        for name in parents:
            held = held[name]
        held[last] = value

    return change


def checkpoints(runs: dict[str, Path]) -> Iterator[Case]:
    """Yield checkpoints that name classes at every place, and others that torch's safe loader lets pass."""
    arguments = "physgen/init_args"
    places = {
        "rbm": ["physgen/class_path", f"{arguments}/system", f"{arguments}/sampler", f"{arguments}/hidden",
                f"{arguments}/system/class_path", f"{arguments}/sampler/init_args/walkers", f"{arguments}/more"],
        "flow": [f"{arguments}/data", f"{arguments}/activation", f"{arguments}/system/init_args/n",
                 f"{arguments}/system.class_path"],
        "average": [f"{arguments}/model", f"{arguments}/model/init_args/system", f"{arguments}/group",
                    f"{arguments}/model/init_args/data"],
    }  # fmt: skip
    for model, where in places.items():
        for index, path in enumerate(where):
            for number, module in enumerate(MODULES):
                last = ("QuantumDot", "Metropolis", "MLPFlow", "Thing")[(index + number) % 4]
                named = f"{module}.{last}"
                value: Any = [named, {"class_path": named}, [{"class_path": named, "init_args": {}}]][
                    (index + number) % 3
                ]
                value = named if path.endswith("class_path") else value
                calls = of_checkpoints(model)
                shown = [calls[(index + number + k) % len(calls)] for k in (0, 3)]
                yield Case(f"{path} = {value}", saving(runs[model], put(path, value)), shown)
    zero = {"dtype": torch.zeros(2, dtype=torch.complex64), "view": torch.zeros(1).expand(10**7), "text": "x"}
    tampered: dict[str, Any] = {
        "physgen/format": "x", "physgen/version": ["a"], "physgen": 5, "state_dict": [1], f"{arguments}/hidden": 10**9,
        f"{arguments}/system/init_args/n": 10**9, "draws": 5, "records": "energy", "callbacks": [1], "loops": None,
        "pytorch-lightning_version": "zz", "optimizer_states": [], "lr_schedulers": "x", "global_step": -5,
        "draws/state/x": torch.full((1, 8, 2, 2), torch.nan), "draws/generator": torch.zeros(1, 3, dtype=torch.uint8),
        **{f"state_dict/net.{name}": value for name, value in zero.items()},
        f"{arguments}/form": ESCAPE, "physgen/class_path": f"os.{ESCAPE}", "more": [Payload()], "physgen/x": Payload(),
    }  # fmt: skip
    for path, value in tampered.items():
        calls = of_checkpoints("rbm")
        yield Case(f"{path} spoiled", saving(runs["rbm"], put(path, value)), [calls[k] for k in (0, 2, 3, 7)])
    nan = lambda held: [w.fill_(torch.nan) for w in held["state_dict"].values()] and None  # noqa: E731
    yield Case("NaN weights", saving(runs["rbm"], nan), of_checkpoints("rbm"))
    for name, content in {
        "pickle": pickle.dumps(Payload()),
        "old format": pickle.dumps(119547037146038801333356) + pickle.dumps(Payload()),
        "empty": b"",
        "noise": bytes(range(256)) * 9,
    }.items():
        make = lambda place, content=content: (place / "evil.ckpt").write_bytes(content)  # noqa: E731
        yield Case(name, make, [of_checkpoints("rbm")[k] for k in (0, 2, 4)])
    yield Case("bomb", lambda place: bomb(place / "evil.ckpt", "evil/data.pkl"), [of_checkpoints("rbm")[0]])
    yield Case("pipe", lambda place: os.mkfifo(place / "evil.ckpt"), [of_checkpoints("rbm")[0]])
    yield Case("device", lambda place: (place / "evil.ckpt").symlink_to("/dev/zero"), [of_checkpoints("rbm")[0]])


def bomb(path: Path, member: str) -> None:
    """Write an archive of 200 kB that unpacks to 200 MB."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, bytes(2 * 10**8))


def results(run: Path) -> Iterator[Case]:
    """Yield results, indexes, cards, metrics and arrays that are spoiled in one field."""
    calls = [
        ["compare", "run", "--out=pages"],
        ["publish", "run", "--folder=own"],
        ["compare", "run", "--wandb=offline"],
        ["test", "run", *SHORT, *SMALL, "--run_folder=out"],
    ]
    fields = ["notes", "provenance", "estimates", "diagnostics", "quantity", "reference", "estimates/energy"]
    fields += ["estimates/energy/value", *(f"provenance/{name}" for name in ("system", "model", "recipe", "seed"))]
    for index, path in enumerate(fields):
        for number, value in enumerate((5, None, ["x"], {"class_path": "evilmod.X"}, NAMES[index % len(NAMES)])):
            yield Case(f"result {path} = {value!r}"[:80], with_file(run, "result.json", put(path, value)),
                       [calls[number % 2], calls[3]] if number < 4 else calls)  # fmt: skip
    for name in NAMES:
        yield Case(f"names {name!r}"[:60], with_file(run, "result.json", naming(name)), calls[:3])
        entry = {"sha256": "0", "quantity": name, "value": 1.0, "error": 0.1, "reference": 1.0}
        index = json.dumps({f"a/{name}": entry, name: entry})
        make = lambda place, index=index: (place / "index.json").write_text(index)  # noqa: E731
        shown = [["list", "pretrained"], ["show", "a/b"], ["test", "a/b"], ["verify", "--all"], ["verify", f"a/{name}"]]
        yield Case(f"index {name!r}"[:60], make, [[*words, "--folder=."] for words in shown])
    for name, text in {"metrics.csv": "step,train/energy\ninf,nan\n1e999,x\n" + ESCAPE, "result.json": "[" * 10**5,
                       "config.yaml": "a: &a [x]\nb: [*a]\n" + ESCAPE, "structure.npz": "PK"}.items():  # fmt: skip
        yield Case(f"{name} spoiled", with_text(run, name, text), calls)
    yield Case("arrays unpack", with_archive(run, "radius_edges.npy"), calls)
    yield Case("arrays outside", with_archive(run, "../../x.npy"), calls)


def naming(name: str) -> Callable[[dict[str, Any]], None]:
    """Return what writes a name into a result wherever one is shown or becomes a folder."""

    def change(held: dict[str, Any]) -> None:
        held["provenance"].update(system=name, model=name, machine=name, command=name)
        held["notes"].append(name)
        held["reference"].update(method=name, source=name)

    return change


def with_file(run: Path, name: str, change: Callable[[Any], Any]) -> Callable[[Path], None]:
    """Return what copies a run and changes one JSON file in it."""

    def make(place: Path) -> None:
        shutil.copytree(run, place / "run")
        held = json.loads((run / name).read_text())
        with contextlib.suppress(TypeError, KeyError):
            change(held)
        (place / "run" / name).write_text(json.dumps(held))

    return make


def with_text(run: Path, name: str, text: str) -> Callable[[Path], None]:
    """Return what copies a run and replaces one file in it."""
    return lambda place: shutil.copytree(run, place / "run") and (place / "run" / name).write_text(text)


def with_archive(run: Path, member: str) -> Callable[[Path], None]:
    """Return what copies a run with a bomb for its arrays."""
    return lambda place: shutil.copytree(run, place / "run") and bomb(place / "run" / "structure.npz", member)


def configs() -> Iterator[Case]:
    """Yield configs whose model names what a stranger wrote, and files that are no configs."""
    named = [{"class_path": "{}.MLPFlow"}, "{}.MLPFlow", {"init_args": {"system": "{}.ClassicalDot"}},
             {"system": {"class_path": "{}.ClassicalDot"}}, {"class_path": "MLPFlow", "init_args": {"hidden": "{}.X"}},
             {"class_path": "MLPFlow", "init_args": {"data": {"class_path": "{}.MALA"}}}]  # fmt: skip
    fit = ["fit", "--config=evil.yaml", *SHORT, *SMALL, "--trainer.max_epochs=0", "--run_folder=out"]
    for module in MODULES:
        for index, model in enumerate(named):
            text = yaml.safe_dump({"model": model}).replace("{}", module)
            calls = [fit, [*fit, "--model=MLPFlow", "--model.system=ClassicalDot"], ["sweep", "--seeds=1", *fit[1:-1]]]
            yield Case(f"config {index} {module}", config(text), calls[index % 2 :: 2])
        text = f"system: {{class_path: {module}.ClassicalDot}}\n"
        yield Case(f"reference {module}", config(text), [["reference", "--config=evil.yaml"]])
    letters = [chr(97 + i) for i in range(26)]
    deep = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in itertools.pairwise(letters))
    others = ["[" * 3000, "config: /etc/passwd", "model: /etc/passwd", "x" * 10**6, "{a: " * 500]
    for text in (deep, *others, "!!python/object/apply:os.system [true]"):
        yield Case(f"config {text[:20]!r}", config(text), [fit])


def config(text: str) -> Callable[[Path], None]:
    """Return what writes a config."""
    return lambda place: (place / "evil.yaml").write_text(text)


def cases(folder: Path) -> list[Case]:
    """Return all cases; they copy from runs that are trained in `folder`."""
    runs = trained(folder)
    return [*checkpoints(runs), *results(runs["rbm"]), *configs()]


def judge(case: Case, root: Path) -> Counter[str]:
    """Run one case in this process in a new folder below `root`; return what went wrong."""
    from physgen.cli import main

    place, found = Path(tempfile.mkdtemp(dir=root)) / "in" / "ner", Counter()
    place.mkdir(parents=True)
    for module in ("evilmod", "yaml", "rich"):
        (place / f"{module}.py").write_text("open('ran', 'w').close()\n")
    case.make(place)
    before = {p for p in root.rglob("*") if place not in p.parents}
    for module in MODULES:
        sys.modules.pop(module, None)
    for words in case.calls:
        errors, said = io.StringIO(), io.StringIO()
        watched.update(place=place.resolve(), imports=set(), outside=set())
        try:
            tempfile.tempdir = str(place)  # temporary files of libraries are no escape
            with contextlib.chdir(place), contextlib.redirect_stderr(errors), contextlib.redirect_stdout(said):
                main(words)
        except SystemExit as end:
            found["odd exit"] += end.code not in (0, 1, 2, None)
        except BaseException as error:
            found[f"traceback {type(error).__name__}: {error}"[:200]] += 1
        finally:
            tempfile.tempdir = None
            imported, outside = watched["imports"], watched["outside"]
            watched["place"] = None
        found["traceback"] += "Traceback" in errors.getvalue()
        found["imported"] += len(imported)
        found["outside"] += len(outside)
        found["escape"] += any(sign in errors.getvalue() + said.getvalue() for sign in ("\x1b]", "\x1b[2J", "\u202e"))
        found["quoted"] += "root:x" in errors.getvalue()
        found["calls"] += 1
        if outside:
            print(f"outside: {sorted(outside)[:5]}", flush=True)
    found["imported"] += (place / "ran").exists()
    found["outside"] += len({p for p in root.rglob("*") if place not in p.parents} - before)
    shutil.rmtree(place.parents[1], ignore_errors=True)
    return found


def main(most: int = 10**6) -> int:
    """Run every case, or at most so many spread over all; print and write what was found, return how many failed."""
    start, total, failed = time.perf_counter(), Counter(), 0
    sys.addaudithook(hook)
    os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true")
    with tempfile.TemporaryDirectory() as name:
        root = Path(name).resolve()
        made = cases(root)
        made = made[:: max(1, len(made) // most)]
        for case in made:
            found = judge(case, root)
            total.update(found)
            wrong = {k: v for k, v in found.items() if v and k != "calls"}
            failed += bool(wrong)
            if wrong:
                print(f"WRONG {case.name[:100]!r}: {wrong}", flush=True)
    tracebacks = sum(v for k, v in total.items() if k.startswith("traceback"))
    line = (
        f"{len(made)} hostile files in {total['calls']} calls: {total['imported']} modules imported, "
        f"{total['outside']} files written outside, {tracebacks} tracebacks, "
        f"{total['escape']} raw escapes, {total['quoted']} files quoted, {total['odd exit']} odd exits"
    )
    print(f"{line}; {time.perf_counter() - start:.0f} s")
    if most >= len(made):
        OUT.write_text(line + "\n", encoding="utf-8")
    return failed
