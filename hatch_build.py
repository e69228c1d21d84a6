"""What hatch asks when it builds a wheel: the entries that go along."""

import importlib.util
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Entries(BuildHookInterface):
    """Add the small files of `checkpoints/` to a wheel; an editable install finds them where they are."""

    def initialize(self, version, build_data):
        """Take the files of the entries along."""
        if version == "editable":
            return
        path = Path(self.root) / "benchmarks" / "checks" / "wheel_files.py"
        spec = importlib.util.spec_from_file_location("wheel_files", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        build_data["force_include"].update(module.wheel_files(Path(self.root)))
