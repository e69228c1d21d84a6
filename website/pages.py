"""Pages of the site put together: those of docs/, notebooks, examples, benchmarks, and links between them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from website.notebook_pages import notebook_page

ROOT = Path(__file__).resolve().parents[1]
#: pages by their part of the site, paths below docs/ without ending; all of docs/ must be here
PARTS = {
    "Start": ["install", "guide", "python", "which-model", "cost", "comparing", "observables", "several-machines"],
    "Understand": ["concepts", "glossary", "units", "sharp-bits", "theory", "troubleshooting", "trust", "scope"],
    "Systems": [
        "systems",
        "models",
        "quantum-dots",
        "families",
        "thermal-dots",
        "comparison",
        "judging-samplers",
        "periodic-matter",
        "light-nuclei",
        "lattices-and-data",
    ],
    "Zoo": ["zoo"],
    "Develop": ["extending", "contributing", "cite"],
}
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
STYLE = """.md-typeset table:not([class]) {font-size: .68rem; display: block; overflow-x: auto;}
.md-typeset img {background: white;}
math[display=block] {overflow-x: auto; overflow-y: hidden; margin: 1em 0;}
"""


def target_of(link: str, page: str) -> str | None:
    """Return where a link of a page of docs/ or notebooks/ leads on the site, None where it leaves the site.

    Args:
        link: as it stands in the page, relative to its folder in the repository.
        page: path of the page in the repository, such as `docs/guide.md`.
    """
    if re.match(r"[a-z]+:", link) or link.startswith("#"):
        return link
    path, _, anchor = link.partition("#")
    place = (ROOT / page).parent.joinpath(path).resolve().relative_to(ROOT)
    depth = "../" * (len(placed(Path(page)).parts) - 1) if placed(Path(page)) else ""
    found = placed(place)
    return None if found is None else f"{depth}{found.as_posix()}" + (f"#{anchor}" if anchor else "")


def placed(place: Path) -> Path | None:
    """Return where a file of the repository lies on the site, None where it is not there."""
    if place.as_posix() in ("README.md", "docs/README.md"):
        return Path("index.md")
    if place.as_posix() in ("BENCHMARKS.md", "CHANGELOG.md"):
        return Path(place.name.lower())
    first, *rest = place.parts
    if first == "docs" and len(rest) == 1:
        return Path(*rest)
    if first == "notebooks" and place.suffix == ".ipynb":
        return Path("notebooks", f"{place.stem}.md")
    if first == "examples" and place.suffix == ".py":
        return Path("examples", f"{place.stem}.md")
    return None


def on_site(text: str, page: str) -> str:
    """Return the Markdown of a page with its links as they are on the site; those that leave it become text."""

    def changed(found: re.Match[str]) -> str:
        picture, words, link = found.groups()
        target = target_of(link, page)
        return words if target is None else f"{picture}[{words}]({target})"

    parts = re.split(r"(^```.*?^```$)", text, flags=re.DOTALL | re.MULTILINE)
    parts = [part if part.startswith("```") else LINK.sub(changed, part) for part in parts]
    # the words behind the language of a block are for the tests
    return re.sub(r"^```(\w+) (run|parse)$", r"```\1", "".join(parts), flags=re.MULTILINE)


def write_pages(folder: Path) -> list[dict[str, object]]:
    """Write all pages but those of the API into `folder`, and return the navigation."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "site.css").write_text(STYLE)
    for picture in (ROOT / "docs").glob("*.png"):
        shutil.copy(picture, folder)
    for source in sorted([*(ROOT / "docs").glob("*.md"), ROOT / "BENCHMARKS.md", ROOT / "CHANGELOG.md"]):
        name = source.relative_to(ROOT)
        target = placed(name)
        assert target is not None
        (folder / target).write_text(on_site(source.read_text(encoding="utf-8"), name.as_posix()), encoding="utf-8")
    notebooks = sorted((ROOT / "notebooks").glob("*.ipynb"))
    (folder / "notebooks").mkdir()
    for path in notebooks:
        text = on_site(notebook_page(path, folder / "notebooks" / "pictures"), f"notebooks/{path.name}")
        text = text.replace("](../notebooks/", "](").replace("](../pictures/", "](pictures/")
        (folder / "notebooks" / f"{path.stem}.md").write_text(text, encoding="utf-8")
    (folder / "examples").mkdir()
    examples = sorted((ROOT / "examples").glob("*.py"))
    for path in examples:
        text = f"# {path.name}\n\n```python\n{path.read_text(encoding='utf-8')}```\n"
        (folder / "examples" / f"{path.stem}.md").write_text(text, encoding="utf-8")
    nav: list[dict[str, object]] = [{"Home": "index.md"}]
    more = {
        "Zoo": ["benchmarks.md"],
        "Develop": ["changelog.md"],
    }
    for part, names in PARTS.items():
        nav.append({part: [f"{name}.md" for name in names] + more.get(part, [])})
    shown = [f"notebooks/{path.stem}.md" for path in notebooks] + [f"examples/{path.stem}.md" for path in examples]
    nav.append({"Notebooks": shown})
    return nav
