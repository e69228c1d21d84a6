"""README and docs do what they say: their commands and code run or parse, their links and messages exist."""

import ast
import os
import re
import shlex
from functools import cache
from pathlib import Path

import pytest
from lightning.pytorch.cli import LightningCLI

from physgen.cli.verbs import VERBS, main
from physgen.core.errors import check_choice

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PACKAGE = sorted((ROOT / "physgen").rglob("*.py"))
NAMES = {page: page.relative_to(ROOT).as_posix() for page in PAGES}

QUIET = "--wandb off --figures false --trainer.enable_progress_bar false --trainer.accelerator cpu"
FEW = "--evaluation.samples 100 --evaluation.batch 50 --evaluation.thin 1 --evaluation.warm_up 10"
FAST = {
    "fit": f"{QUIET} {FEW} --trainer.max_epochs 1 --model.steps_per_epoch 4",
    "test": f"{QUIET} {FEW}",
    "predict": f"{QUIET} {FEW}",
    "sweep": f"{QUIET} {FEW} --trainer.max_epochs 1 --model.steps_per_epoch 4",
    "reference": "--walkers 8 --most_moves 200",
    "list": "",
}


def blocks(page, language):
    """Return `(marked, text)` of the code blocks of a page; a block is marked by `run` in its info string."""
    found = re.findall(r"^```(\w+)([^\n]*)\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [("run" in info.split(), text) for name, info, text in found if name == language]


def commands(text):
    """Return the arguments of every physgen command in a block, without variables, comments and line ends."""
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    words = [shlex.split(line, comments=True) for line in lines if "-m physgen" in line or line.startswith("physgen ")]
    return [line[line.index("physgen") + 1 :] for line in words]


MARKED = [page for page in PAGES if any(marked for kind in ("bash", "python") for marked, _ in blocks(page, kind))]


def is_of_the_reader(arguments):
    """Return whether a command names a class or a run that only its reader has."""
    if any(a.startswith("--import") for a in arguments):
        return True
    own_class = re.search(r"--model(\.system)?[ =](?!physgen\.)\w+\.\w+", " ".join(arguments))
    pairs = zip(["", *arguments], arguments, strict=False)
    return own_class or any(a.startswith("runs/") and before != "--run_folder" for before, a in pairs)


def fast(arguments):
    """Return a command in its short form."""
    verb = arguments[0]
    more = FAST[verb].split()
    if "--evaluation.until_error" in arguments:
        more += ["--evaluation.until_error", "null"]
    if "--dmc" in arguments:
        more += "--dmc.walkers 10 --dmc.time 6 --dmc.warm_up 1 --dmc.until_error null".split()
    return arguments + more


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A user's folder with the configs and checkpoints of a clone."""
    for name in ("configs", "checkpoints"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PHYSGEN_CACHE", str(tmp_path / "cache"))
    return tmp_path


@pytest.mark.parametrize("page", MARKED, ids=NAMES.get)
def test_marked_blocks_run(page, folder):
    found = re.findall(r"^```(bash|python) run\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    space = {}
    for language, text in found:
        if language == "python":
            exec(compile(text, page.name, "exec"), space)
            continue
        assert len(commands(text)) == len([line for line in text.splitlines() if line.strip()]), text
        for arguments in commands(text):
            main(fast(arguments))


@pytest.mark.parametrize("page", PAGES, ids=NAMES.get)
def test_other_commands_parse(page, folder, monkeypatch):
    monkeypatch.setattr(LightningCLI, "_run_subcommand", lambda *_: None)
    for marked, text in blocks(page, "bash"):
        for arguments in [] if marked else commands(text):
            verb = check_choice("verb", arguments[0], VERBS)
            if verb in ("fit", "test", "predict") and not is_of_the_reader(arguments):
                own = "--trainer.accelerator cpu --trainer.devices 1 --trainer.num_nodes 1 --trainer.strategy auto"
                main([*arguments, *QUIET.split(), *own.split(), "--run_folder", "parsed"])
                for part in sorted((folder / "parsed").rglob("*"), reverse=True):
                    part.rmdir() if part.is_dir() else part.unlink()


@pytest.mark.parametrize("page", PAGES, ids=NAMES.get)
def test_files_that_commands_and_links_name_exist(page):
    text = page.read_text(encoding="utf-8")
    for path in re.findall(r"(?:configs|checkpoints)/[\w./-]+\.(?:yaml|md)", text):
        assert (ROOT / path).is_file() or "<" in path, path
    for script in re.findall(r"(?:benchmarks|notebooks|tests)/[\w/]+\.(?:py|ipynb)", text):
        assert (ROOT / script).is_file(), script
    outside = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", outside):
        path, _, anchor = link.partition("#")
        if link.startswith("http"):
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            titles = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", t.lower()).replace(" ", "-") for t in titles}, link
    for module in re.findall(r"`((?:nn|models|stats|samplers|objectives|optim|reference|systems)/\w+\.py)`", text):
        assert (ROOT / "physgen" / module).is_file(), module


@cache
def messages():
    """Return all texts of the package, what is filled in written as an ellipsis."""
    found = []
    for path in PACKAGE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                found.append("".join(v.value if isinstance(v, ast.Constant) else "…" for v in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(re.sub(r"%[.\w]*[dsg]", "…", node.value))
    return [" ".join(text.split()) for text in found]


def test_messages_of_the_troubleshooting_page_are_those_of_the_code():
    lines = [
        line
        for _, text in blocks(ROOT / "docs" / "troubleshooting.md", "text")
        for line in text.splitlines()
        if line.strip()
    ]
    assert len(lines) > 20
    for line in lines:
        pieces = [piece.strip() for piece in line.split("…") if len(piece.strip()) > 2]
        assert pieces, line
        pattern = ".*".join(re.escape(piece) for piece in pieces)
        assert any(re.search(pattern, text) for text in messages()), line


def test_sources_of_the_theory_page_are_cited_in_the_code():
    code = " ".join(path.read_text(encoding="utf-8") for path in PACKAGE)
    text = (ROOT / "docs" / "theory.md").read_text(encoding="utf-8")
    cited = re.findall(r"arXiv:[\w.\-/]*\w|doi:[\w./()\-]*\w|cond-mat/\d+", text)
    assert len(cited) > 30
    assert [source for source in cited if source not in code] == []


def test_version_of_changelog_and_citation():
    from physgen import __version__

    assert f"version: {__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\n## {__version__}\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert os.environ["WANDB_MODE"] == "offline"  # nothing of the above may go online


@pytest.mark.parametrize("page", PAGES, ids=NAMES.get)
def test_figures_say_what_they_show_and_which_command_made_them(page):
    """Under every figure stands a paragraph in italics with a command that exists."""
    from benchmarks.__main__ import NAMES as BENCHMARKS

    known = {f"benchmarks {name}" for of in BENCHMARKS.values() for name in of} | {f"physgen {verb}" for verb in VERBS}
    text = page.read_text(encoding="utf-8")
    for figure in re.finditer(r"^!\[[^\]]*\]\([^)]*\)\n\n", text, re.MULTILINE):
        below = text[figure.end() :].partition("\n\n")[0].strip()
        assert below.startswith("*") and below.endswith("*"), f"{figure[0]} has no caption"
        made = re.findall(r"python -m (benchmarks \w+|physgen \w+)", " ".join(below.split()))
        assert made and set(made) <= known, below
    assert len(re.findall(r"^!\[", text, re.MULTILINE)) == len(
        re.findall(r"^!\[[^\]]*\]\([^)]*\)\n\n", text, re.MULTILINE)
    )
