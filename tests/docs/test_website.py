"""The site: every public name, page and metric has its place, and links between pages lead somewhere."""

import csv
import inspect
import json
import re

import pytest

from website.api import api_pages, public_names, summary
from website.notebook_pages import notebook_page
from website.pages import PARTS, ROOT, on_site, placed, target_of, write_pages

DOCS = sorted((ROOT / "docs").glob("*.md"))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The pages put together, as Markdown, and the navigation."""
    folder = tmp_path_factory.mktemp("site") / "pages"
    return folder, write_pages(folder)


def test_every_public_name_has_a_page_and_a_docstring():
    pages, count = api_pages(), 0
    for module, names in public_names().items():
        place = module.removeprefix("physgen").removeprefix(".") or "physgen"
        index = pages[f"{place}/index.md"]
        for name, held in names.items():
            assert pages[f"{place}/{name}.md"].startswith(":::") and f"]({name}.md)" in index
            if inspect.isclass(held) or inspect.isfunction(held):
                assert len(summary(held)) > 10, name
            count += 1
    assert count > 100


def test_every_page_is_in_the_navigation(site):
    named = [name for names in PARTS.values() for name in names]
    assert sorted(named) == sorted({path.stem for path in DOCS} - {"README"})
    folder, nav = site
    held = [page for part in nav for pages in part.values() for page in ([pages] if isinstance(pages, str) else pages)]
    assert len(held) == len(set(held)) and all((folder / page).is_file() for page in held)
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*.md")} == set(held)


def test_links_between_pages_lead_somewhere(site):
    folder, _ = site
    links = 0
    for page in folder.rglob("*.md"):
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"[a-z]+:", link):
                continue
            path, _, anchor = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            assert target.is_file(), (page.name, link)
            if anchor:
                titles = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
                assert anchor in {re.sub(r"[^\w\- ]", "", t.lower()).replace(" ", "-") for t in titles}, link
            links += 1
    assert links > 100


def test_links_that_leave_the_site_become_words():
    assert target_of("../BENCHMARKS.md", "docs/guide.md") == "benchmarks.md"
    assert target_of("../notebooks/tour.ipynb#a", "docs/guide.md") == "notebooks/tour.md#a"
    assert target_of("../docs/theory.md", "notebooks/tour.ipynb") == "../theory.md"
    assert target_of("https://arxiv.org", "docs/guide.md") == "https://arxiv.org"
    text = "see [a card](../checkpoints/x/card.md), [all](zoo.md)\n```python run\nx = [1](2)\n```\n"
    assert on_site(text, "docs/guide.md") == "see a card, [all](zoo.md)\n```python\nx = [1](2)\n```\n"
    assert placed((ROOT / "Makefile").relative_to(ROOT)) is None


def test_notebooks_become_pages(tmp_path):
    cells = [
        {"cell_type": "markdown", "source": ["# Title"]},
        {"cell_type": "code", "source": ["1 + 1"], "outputs": [
            {"data": {"text/plain": ["\x1b[1m2\x1b[0m"]}}, {"data": {"image/png": "aGVsbG8="}}]},
    ]  # fmt: skip
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps({"cells": cells}))
    text = notebook_page(path, tmp_path / "pictures")
    assert "# Title" in text and "```python\n1 + 1\n```" in text and "```text\n2\n```" in text
    assert "](pictures/n-1-1.png)" in text and (tmp_path / "pictures" / "n-1-1.png").read_bytes() == b"hello"


def test_every_metric_is_in_the_glossary(tiny, tmp_path):
    from physgen.cli import main

    known = set(re.findall(r"`([a-z_0-9]+)`", (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")))
    found = set()
    for path in (ROOT / "checkpoints").glob("*/*/result.json"):
        result = json.loads(path.read_text(encoding="utf-8"))
        found |= {re.sub("@.*|_(importance|metropolis|dmc)$", "", name) for name in result["estimates"]}
        found |= set(result["diagnostics"])
    found = {re.sub(r"^level_m\d+(_s\d+)?_n\d+$", "level_m1_s1_n0", name) for name in found}  # of every m, s and n
    for model in ("GaussianBinaryRBM", "MLPFlow"):
        main(tiny(model, tmp_path / model))
        with (tmp_path / model / "metrics.csv").open(newline="") as file:
            found |= {name.removeprefix("train/").removesuffix("_error") for name in next(csv.reader(file))
                      if name.startswith("train/")}  # fmt: skip
    assert sorted(found - known) == []
