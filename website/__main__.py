"""`python -m website`: put the pages together and build the site into build/website/site, warnings as errors."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import yaml

from website.api import write_api
from website.pages import ROOT, write_pages

BUILD = ROOT / "build" / "website"


def main() -> int:
    """Build the site; return the exit code of mkdocs."""
    nav = write_pages(BUILD / "pages")
    nav.append({"API": write_api(BUILD / "pages")})
    text = (Path(__file__).with_name("mkdocs.yml")).read_text(encoding="utf-8")
    settings = yaml.safe_load(text)
    settings["nav"] = nav
    settings["hooks"] = [str(Path(__file__).with_name("formulas.py"))]
    settings["plugins"][1]["mkdocstrings"]["handlers"]["python"]["paths"] = [str(ROOT)]
    config = BUILD / "mkdocs.yml"
    config.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--config-file", str(config)]
    code = subprocess.run(command, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}).returncode
    if code == 0:
        print(f"the site lies in {BUILD / 'site'}: open index.html")
    return code


if __name__ == "__main__":
    raise SystemExit(main())
