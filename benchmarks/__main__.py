"""Run one benchmark, figure or check by its name, or all benchmarks, and write their tables anew.

    python -m benchmarks local_energy --n 6       # one by its name, with its own arguments and --help
    python -m benchmarks tables                   # the tables of README.md, BENCHMARKS.md and docs

    python -m benchmarks                          # all, hours on two cores; then the tables
    python -m benchmarks --only costs peers       # groups or names, see --list
    python -m benchmarks --only scaling --anew    # rows that are kept are measured again too
    python -m benchmarks --fast                   # smallest forms, on a copy: results and tables stay as they are

What a benchmark prints or keeps goes to `benchmarks/results/`, from where `tables` fills the blocks of BENCHMARKS.md,
README.md and docs. One without its environment (`make peers`, `make peers-netket`) is skipped with a line.
"""

from __future__ import annotations

import argparse
import difflib
import inspect
import sys
from importlib import import_module
from types import ModuleType

#: what has a command, by folder: what measures and keeps, what draws or writes pages, what finds faults
NAMES = {
    "measurements": (
        "deuteron_widths diffusion dot_scaling energy_terms family_slopes full_ci iteration_speed jacobian "
        "large_machines lattices_and_data local_energy neutron_pairs overhead parametric_matrices peers peers_netket "
        "rbm_derivatives reference seeds thermal_dots tied_linear"
    ).split(),
    "pages": (
        "comparison dot_figure light_nuclei_figure periodic_matter_figure quantum_dot_figure tables thermal_figure"
    ).split(),
    "checks": (
        "disk_full draws hostile kills malformed minimum_versions nan_on_one_rank precision python_calls ranks spin "
        "stops"
    ).split(),
}
#: modules of packages, which hold more than one file
PACKAGES = {"peers": "peers.__main__", "peers_netket": "peers_netket.__main__"}


def module_of(name: str) -> ModuleType:
    """Return the module of a command."""
    folder = next(folder for folder, names in NAMES.items() if name in names)
    return import_module(f"benchmarks.{folder}.{PACKAGES.get(name, name)}")


def call(name: str, words: list[str]) -> int:
    """Run a command; those that take numbers only get a parser from their signature. Return its exit status."""
    module = module_of(name)
    sys.argv = [f"python -m benchmarks {name}", *words]
    known = inspect.signature(module.main).parameters
    if "arguments" in known:
        return min(module.main(words) or 0, 1)
    parser = argparse.ArgumentParser(
        prog=sys.argv[0], description=module.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for number in known.values():
        parser.add_argument(number.name, type=int, nargs="?", default=number.default)
    return min(module.main(**vars(parser.parse_args(words))) or 0, 1)


def main(words: list[str]) -> int:
    """Run one command by its name, or what the options choose; return an exit status."""
    names = [name for of in NAMES.values() for name in of]
    if words and not words[0].startswith("-"):
        if words[0] in names:
            return call(words[0], words[1:])
        near = difflib.get_close_matches(words[0], names, 1)
        meant = f", did you mean {near[0]}?" if near else f": one of {', '.join(names)}"
        print(f"python -m benchmarks: no benchmark is called {words[0]}{meant}", file=sys.stderr)
        return 2
    from benchmarks import suite

    listed = "\n".join(f"{folder}: {' '.join(of)}" for folder, of in NAMES.items())
    return min(suite.main(words, f"{__doc__}\n{listed}"), 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
