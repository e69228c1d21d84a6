"""Print the lower bound of every dependency of pyproject.toml as an exact requirement, for `make test-minimum`."""

from __future__ import annotations

import re
import tomllib

from benchmarks.places import ROOT


def pinned(requirement: str) -> str:
    """Return `name==bound` of `name>=bound,...`; a bound of fewer than three parts admits any patch release."""
    name, bound = re.match(r"([\w\[\]-]+)>=([\d.]+)", requirement).groups()
    parts = bound.split(".")
    return f"{name}=={bound}" if len(parts) > 2 else f"{name}=={'.'.join([*parts, '0'][:2])}.*"


def main() -> None:
    """Print one requirement a line."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    requirements = project["dependencies"] + project["optional-dependencies"]["test"]
    print("\n".join(pinned(requirement) for requirement in requirements))
