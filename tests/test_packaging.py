"""What a wheel holds, and that every dependency bound has its reason."""

import re
import tomllib
from pathlib import Path

from benchmarks.checks.wheel_files import wheel_files
from physgen import __version__
from physgen.core.shipped import shipped
from physgen.systems.references import Reference
from physgen.zoo.index import read_index

ROOT = Path(__file__).resolve().parent.parent


def test_configs_and_checkpoints_are_found_beside_the_package():
    assert (shipped("configs") / "quantum-dot-2d-n2-omega1" / "rbm-jastrow.yaml").is_file()
    assert shipped("checkpoints").is_dir()


def test_the_wheel_takes_configs_and_checkpoints_along():
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert build["force-include"] == {"configs": "physgen/configs"} and "custom" in build["hooks"]
    held = wheel_files(ROOT)
    assert sum(Path(path).stat().st_size for path in held) < 10_000_000
    entries = {place.removeprefix("physgen/checkpoints/").rsplit("/", 1)[0] for place in held.values()}
    assert entries >= set(read_index()["pretrained"])  # cards and results of all
    left_out = {path for path in (ROOT / "checkpoints").rglob("*.ckpt") if str(path) not in held}
    assert left_out and all(path.stat().st_size > 1_000_000 for path in left_out)
    assert build["packages"] == ["physgen"]
    assert (ROOT / "physgen" / "py.typed").is_file()


def test_every_dependency_bound_has_its_reason():
    text = (ROOT / "pyproject.toml").read_text()
    block = re.search(r"dependencies = \[\n(.*?)\n\]", text, re.DOTALL).group(1)
    lines = block.splitlines()
    assert len(lines) >= 9
    assert all(">=" in line and re.search(r"# \S+ \S+", line) for line in lines)


def test_version_and_package_data():
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)
    from physgen.systems import QuantumDot

    rows = QuantumDot(6).references()
    assert rows and all(isinstance(r, Reference) and r.source for r in rows)
