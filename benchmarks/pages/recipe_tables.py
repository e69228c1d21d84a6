"""Tables of recommended entries and of the cost of all, for docs/systems.md, docs/cost.md and README.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks.entries import entries
from benchmarks.places import ROOT
from physgen.runs.result import Result
from physgen.zoo.compare import reference_text
from physgen.zoo.comparison_row import gap_of
from physgen.zoo.markdown import markdown

#: the entry that is recommended for each kind of problem, by family of systems
RECIPES = {
    "dots": (
        "quantum-dot-2d-n2-omega1/rbm-symmetric",
        "quantum-dot-2d-n2-omega0.01/neural-backflow",
        "quantum-dot-2d-n6-omega1/slater-jastrow",
        "quantum-dot-2d-n6-omega1/neural-backflow",
        "quantum-dot-2d-n12-omega1/neural-backflow",
        "quantum-dot-2d-n20-omega1/neural-backflow",
        "quantum-dot-3d-n8-omega1/neural-backflow",
    ),
    "matter": (
        "electron-gas-n14-rs1/neural-backflow",
        "neutron-matter-n14-density0.04-images-all/neural-backflow",
        "fermi-gas-n14-kfre0.4/neural-backflow",
    ),
    "nuclei": (
        "deuteron-one-pion-64-k30/deuteron-network",
        "light-nucleus-2h-model-o/nuclear-correlator",
        "light-nucleus-3h-model-o-r1/nuclear-correlator",
        "light-nucleus-4he-model-o-r1/nuclear-correlator",
    ),
    "classical": (
        "classical-dot-n20-beta10/autoregressive",
        "classical-dot-n20-beta1.5/autoregressive",
        "quartic-well-beta1/group-average",
    ),
    "spins": (
        "ising-2d-l8-beta0.44/autoregressive",
        "ising-2d-l4-beta0.44/variational-autoencoder",
        "bars-and-stripes-l3/boltzmann-machine",
    ),
}
#: rows of the README
FIRST = (
    *(RECIPES["dots"][i] for i in (0, 3, 5)),
    *RECIPES["matter"],
    RECIPES["nuclei"][3],
    *RECIPES["classical"][:1],
    RECIPES["classical"][2],
    RECIPES["spins"][0],
)
COLUMNS = "entry | model | measured | reference | gap | parameters | CPU-s"


def result_of(name: str) -> Result:
    """Return the result of an entry."""
    return Result.read(ROOT / "checkpoints" / name / "result.json")


def row(name: str, folder: str) -> list[str]:
    """Return the cells of one entry, whose card lies below `folder`."""
    result = result_of(name)
    gap, source = gap_of(result), result.provenance
    unit = "nats" if "kl" in result.estimates else "%"
    return [
        f"[{name}]({folder}checkpoints/{name}/card.md)",
        f"`{source['model']}`",
        f"{result.kind.symbol} = {result.headline}",
        "" if result.reference is None else reference_text(result.reference),
        "" if gap is None else f"{gap} {unit}",
        f"{source['parameters']}",
        f"{source['train_cpu_seconds']:.0f}",
    ]


def recipe_table(family: str) -> Callable[[], str]:
    """Return a function that gives the Markdown table of the entries recommended in a family."""
    return lambda: markdown(COLUMNS, (row(name, "../") for name in RECIPES[family]))


def first_table() -> str:
    """Return the Markdown table of the README."""
    return markdown(COLUMNS, (row(name, "") for name in FIRST))


def costs() -> Iterator[list[str]]:
    """Give the cells of every entry."""
    for name, result in entries():
        source = result.provenance
        seconds, iterations = source["train_cpu_seconds"], source["iterations"]
        numbers = [source["parameters"], iterations, f"{1000 * seconds / iterations:.0f}", f"{seconds:.0f}"]
        yield [name, f"`{source['model']}`", *map(str, numbers)]


def cost_table() -> str:
    """Return the Markdown table of what every entry cost."""
    return markdown("entry | model | parameters | iterations | ms an iteration | CPU-s", costs())
