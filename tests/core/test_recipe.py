"""Files of a stranger: what they name is never imported, in any verb."""

import copy
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml

import physgen
from physgen.cli import main
from physgen.cli.completion import complete
from physgen.core.commit import commit, commit_of
from physgen.core.errors import InputError
from physgen.core.recipe import known
from physgen.runs.folder import last_checkpoint
from physgen.systems import System

#: a module of the standard library that nothing imports, and one beside the file
MODULES = ("this", "evilmod")
QUIET = ["--figures=false", "--wandb=off", "--trainer.enable_progress_bar=false", "--evaluation.samples=100",
         "--evaluation.batch=50"]  # fmt: skip


@pytest.fixture(scope="module")
def run(tiny, tmp_path_factory):
    """A run folder of a flow."""
    folder = tmp_path_factory.mktemp("stranger") / "run"
    main(tiny("MLPFlow", folder))
    return folder


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A current folder with a module that must not be imported; afterwards none of them was."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evilmod.py").write_text("import pathlib\npathlib.Path('ran').touch()\n")
    for module in MODULES:
        sys.modules.pop(module, None)
    yield tmp_path
    imported = [module for module in MODULES if module in sys.modules]
    assert imported == [] and not (tmp_path / "ran").exists()


def spoiled(arguments, where):
    """Recipes of a model whose class, or that of something within, is named by a stranger."""
    evil = [f"{module}.{last}" for module in MODULES for last in ("QuantumDot", "Metropolis", "MLPFlow", "Thing")]
    for path in evil:
        for value in (path, {"class_path": path}, {"class_path": path, "init_args": {}}, [{"class_path": path}]):
            yield {**copy.deepcopy(arguments), where: value}
        yield {
            **copy.deepcopy(arguments),
            where: {"class_path": "QuantumDot", "init_args": {"n": {"class_path": path}}},
        }


@pytest.mark.parametrize("where", ["system", "data", "hidden", "starts", "more", "system.class_path"])
def test_classes_in_a_checkpoint_are_looked_up_before_a_parser_sees_them(where, run, place, refused):
    held = torch.load(last_checkpoint(run), weights_only=True)
    for arguments in spoiled(held["physgen"]["init_args"], where):
        torch.save({**held, "physgen": {**held["physgen"], "init_args": arguments}}, "evil.ckpt")
        for verb in ("test", "fit"):
            try:
                words = complete(verb, ["--ckpt_path=evil.ckpt"])
            except InputError:
                continue
            named = r'"class_path": "(?!physgen)|"(system|data|model)": "(?!physgen)'
            assert not re.search(named, words[0])
    for verb in ("test", "predict", "fit"):  # the last one names a module for the number of particles
        refused([verb, "--ckpt_path=evil.ckpt", *QUIET], "")


def test_a_path_of_a_checkpoint_means_the_registered_class(run, place):
    held = torch.load(last_checkpoint(run), weights_only=True)
    held["physgen"]["class_path"] = "evilmod.MLPFlow"
    held["physgen"]["init_args"]["system"]["class_path"] = "evilmod.ClassicalDot"
    torch.save(held, "moved.ckpt")
    main(["test", "moved.ckpt", *QUIET, "--run_folder=tested"])
    assert (place / "tested" / "result.json").is_file()


@pytest.mark.parametrize(
    "change",
    [
        {"model": {"class_path": "evilmod.MLPFlow"}},
        {"model": "evilmod.MLPFlow"},
        {"model": {"init_args": {"system": {"class_path": "evilmod.ClassicalDot"}}}},
        {"model": {"init_args": {"system": "evilmod.ClassicalDot"}}},
        {"model": {"system": "evilmod.ClassicalDot"}},
        {"model": {"class_path": "MLPFlow", "init_args": {"hidden": {"class_path": "evilmod.Thing"}}}},
        {"model": '{"class_path": "evilmod.MLPFlow"}'},
        {"model.init_args.system": "evilmod.ClassicalDot"},
        {"evaluation": {"class_path": "evilmod.Evaluation"}},
        {"guard": {"sigmas": {"class_path": "evilmod.Sigmas"}}},
        {"model": {"class_path": "GroupAverage", "init_args": {"model": {"class_path": "evilmod.MLPFlow"}}}},
        {"model": {"class_path": "GroupAverage", "init_args": {"model": "evilmod.MLPFlow"}}},
    ],
    ids=str,
)
def test_classes_of_models_in_a_config_are_looked_up(change, place, refused):
    Path("evil.yaml").write_text(yaml.safe_dump(change))
    refused(["fit", "--config=evil.yaml", "--model=MLPFlow", "--model.system=ClassicalDot", *QUIET], "")


def test_a_config_that_is_another_file_is_not_quoted(place, refused):
    Path("secret").write_text("root:x:0:0:/root\n")
    Path("a.yaml").write_text("config: secret\n")
    Path("b.yaml").write_text("model: secret\n")
    for words in (["--config=secret"], ["--config=a.yaml"], ["--config=b.yaml"]):
        assert "root" not in refused(["fit", *words, *QUIET], "config" if "b" not in words[0] else "secret")


@pytest.mark.parametrize("bomb", ["a: &a [x, x]\n" + "".join(f"k{i}: &k{i} [*{p}, *{p}, *{p}, *{p}]\n" for i, p in
                                  enumerate(["a", *[f"k{j}" for j in range(30)]])),
                                  "a: &a {x: 1}\n" + "".join(f"k{i}: &k{i} {{<<: [*{p}, *{p}]}}\n" for i, p in
                                  enumerate(["a", *[f"k{j}" for j in range(40)]])), "[" * 300])  # fmt: skip
def test_a_config_that_unfolds_to_more_than_a_machine_holds_is_refused(bomb, place, refused):
    Path("bomb.yaml").write_text(bomb)
    refused(["fit", "--config=bomb.yaml"], "bomb.yaml")


def test_recipes_keep_what_is_plain_and_refuse_what_is_deep():
    spec = {"class_path": "elsewhere.QuantumDot", "init_args": {"n": 2, "note": "a.b.c"}}
    found = known(spec, System)
    assert found["class_path"] == "physgen.systems.quantum_dot.QuantumDot" and found["init_args"] == spec["init_args"]
    with pytest.raises(InputError, match="only physgen.systems"):
        known(spec, System, exact=True)
    deep = "QuantumDot"
    for _ in range(40):
        deep = {"class_path": "QuantumDot", "init_args": {"n": deep}}
    with pytest.raises(InputError, match="deep"):
        known(deep, System)


LIBRARIES = ("yaml", "rich", "torch", "lightning", "typing", "difflib", "numpy", "argcomplete", "omegaconf", "wandb")


@pytest.mark.parametrize("command", [["-m", "physgen"], [str(Path(sys.executable).with_name("physgen"))]], ids=len)
def test_files_of_the_current_folder_are_not_taken_for_libraries(command, tmp_path):
    for name in LIBRARIES:
        (tmp_path / f"{name}.py").write_text(f"import os; os.write(2, b'{name} RAN')\n")
    (tmp_path / "mine.py").write_text("import rich.table\n")
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONSAFEPATH")}
    for verb in (["list", "systems"], ["list", "systems", "--import", "mine"]):
        done = subprocess.run([sys.executable, *command, *verb], cwd=tmp_path, env=environment, capture_output=True)
        assert done.returncode == 0 and b"QuantumDot" in done.stdout and b"RAN" not in done.stderr, done.stderr


def test_a_module_of_ones_own_that_bears_the_name_of_a_library_is_said(tmp_path, monkeypatch, refused):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "yaml.py").write_text("raise RuntimeError\n")
    refused(["list", "--import", "yaml"], "rename yaml.py")


def test_the_commit_is_that_of_a_clone_of_physgen_only(tmp_path):
    def git(*words):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        command = ["git", *identity, "-C", str(tmp_path), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    package = tmp_path / ".venv" / "lib" / "physgen"
    for folder in (package, tmp_path / "physgen"):
        folder.mkdir(parents=True)
        (folder / "__init__.py").touch()
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    assert commit_of(package) is None and commit_of(tmp_path / "physgen") is None  # somebody's project
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "physgen"\n')
    assert commit_of(tmp_path / "physgen") == git("rev-parse", "HEAD") and commit_of(package) is None
    git("pack-refs", "--all")
    assert commit_of(tmp_path / "physgen") == git("rev-parse", "HEAD")
    git("checkout", "-q", "--detach")
    assert commit_of(tmp_path / "physgen") == git("rev-parse", "HEAD")
    git("rm", "-q", "--cached", "physgen/__init__.py")
    assert commit_of(tmp_path / "physgen") is None  # not of this clone
    if (Path(physgen.__file__).parents[1] / ".git").exists():
        assert len(commit()) == 40


def test_an_argument_that_takes_a_function_is_not_taken_from_a_file():
    class Shaped(System):
        n = dim = 1

        def __init__(self, shape: Callable | None = None):
            self.shape = shape

        def terms(self, x):
            return {"trap": x.square().sum((1, 2))}

    try:
        assert known({"class_path": "Shaped", "init_args": {"shape": None}}, System)["init_args"] == {"shape": None}
        with pytest.raises(InputError, match="shape must be left out"):
            known({"class_path": "Shaped", "init_args": {"shape": "os.system"}}, System)
    finally:
        System.registry.pop("Shaped")
