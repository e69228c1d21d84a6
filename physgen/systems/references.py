"""Exact and published values that results are compared with."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from physgen.core.notation import with_error
from physgen.core.quantity import QUANTITIES

#: beginnings of the names of methods that are Markov chains without bias
CHAINS = ("Monte Carlo", "Metropolis", "HMC")
#: quantities that runs are made for; the best known method is that of the first reference for one of them
HEADLINES = tuple(QUANTITIES)


@dataclass(frozen=True)
class Reference:
    """One value that a result can be compared with.

    Args:
        quantity: what is given: `energy`, `free_energy`, `kinetic`, `trap`, `coulomb`, `r12`, `r2`, `minimum`, ...
        value: the value in the system's units.
        error: one standard error of the noise, 0 for methods without noise.
        method: how it was found, such as `exact`, `DMC`, `VMC (RBM)`, `FCI`.
        source: title or thesis and arXiv or DOI, or `physgen: ...` for a value that the package computes.
        exact: whether the value is the true one within its error, without bias; a variational bound (`energy` of a
            ground state, `free_energy`, `minimum`) must then not lie below it. It is *called* exact only where it has
            no error, see `label`.
        note: what a reader must know, such as `not variational`.
    """

    quantity: str
    value: float
    error: float
    method: str
    source: str
    exact: bool = False
    note: str = ""

    @property
    def label(self) -> str:
        """What stands before the value: `exact` for a true one without error, `Monte Carlo`, or the method."""
        if self.exact and self.error == 0:
            return "exact"
        return "Monte Carlo" if self.method.startswith(CHAINS) else self.method

    @property
    def number(self) -> str:
        """The value with its error as text, to eight digits where it has none: `3`, `20.15932(8)`."""
        # a value that is found by numbers alone is rounded where its digits end
        return f"{self.value:.8g}" if self.error == 0 else with_error(self.value, self.error)

    def stands_beside(self, best: Reference) -> bool:
        """Return whether this value may be measured up to where `best` is what the headline is compared with.

        It must be true within its error, or come from the same method without a caveat: a term of a worse wavefunction
        says nothing about a better one.
        """
        return self.exact or (self.method == best.method and not self.note)


def closed_form(values: dict[str, float], source: str) -> list[Reference]:
    """Return exact references of the quantities in `values`, without error."""
    return [Reference(quantity, value, 0.0, "exact", source, True) for quantity, value in values.items()]


def with_likelihood(references: list[Reference], beta: float) -> list[Reference]:
    """Return references with one of `log_likelihood`, -S = beta (F - <E>) in nats, where F and <E> are known exactly.

    No density has more, in the mean over samples of the system.
    """
    known = {r.quantity: r for r in reversed(references) if r.exact}
    if not {"free_energy", "energy"} <= known.keys():
        return references
    free, energy = known["free_energy"], known["energy"]
    error = beta * math.hypot(free.error, energy.error)
    value = beta * (free.value - energy.value)
    return [*references, Reference("log_likelihood", value, error, energy.method, energy.source, True)]


def published(system: str, n: int, dim: int, **parameters: float) -> list[Reference]:
    """Return the rows of the package's table `references.csv` for one system, the best first.

    Args:
        system: `quantum-dot` or `classical-dot`.
        n: number of particles.
        dim: dimension of space.
        parameters: `omega` or `beta`, compared to 1e-5 (sources print 1/6 as 0.166667); rows without the parameter,
            such as minima of the energy, match only a call without it.
    """
    return [
        _reference(row)
        for row in _table().get((system, n, dim), ())
        if all(_same(row[name], parameters.get(name)) for name in ("omega", "beta"))
    ]


def labelled(label: str, table: str = "light_nuclei.csv") -> list[Reference]:
    """Return the rows of a table of the package for the system of this label, the best first.

    Args:
        label: of the system.
        table: file beside this one whose rows have a `label`.
    """
    return [_reference(row) for row in _rows(table) if row["label"] == label]


def _reference(row: dict[str, str]) -> Reference:
    return Reference(
        quantity=row["quantity"],
        value=float(row["value"]),
        error=float(row["error"]),
        method=row["method"],
        source=row["source"],
        exact=row["exact"] == "1",
        note=row["note"],
    )


def _same(text: str, value: float | None) -> bool:
    if not text or value is None:
        return not text and value is None
    return math.isclose(float(text), value, rel_tol=1e-5)


@lru_cache(maxsize=1)
def _table() -> dict[tuple[str, int, int], list[dict[str, str]]]:
    table: dict[tuple[str, int, int], list[dict[str, str]]] = {}
    for row in _rows("references.csv"):
        table.setdefault((row["system"], int(row["n"]), int(row["dim"])), []).append(row)
    return table


@lru_cache(maxsize=4)
def _rows(table: str) -> list[dict[str, str]]:
    text = files("physgen.systems").joinpath(table).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))
