"""What every observable says: values of single configurations, what follows from their means, histograms, figures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import Tensor

from physgen.core.errors import InputError, check
from physgen.stats import BlockedMean
from physgen.stats.estimate import Estimate

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class View(Protocol):
    """Configurations with what a model knows of them, found once: ln|psi| and its derivatives, or ln p."""

    x: Tensor


@dataclass
class Findings:
    """What an evaluation found; every observable finishes it in turn.

    Args:
        measured: every measured quantity, with its values.
        notes: what a reader must know, in words.

    Attributes:
        means: `mean`, `error`, `variance`, `tau`, `rhat`, `count` of every measured quantity.
        estimates: means with their errors, and what observables make of them.
        diagnostics: plain numbers beside them.
        alarms: what was found to be wrong.
    """

    measured: Mapping[str, BlockedMean]
    notes: list[str]
    means: dict[str, dict[str, Tensor]] = field(init=False)
    estimates: dict[str, Estimate] = field(init=False)
    diagnostics: dict[str, float] = field(default_factory=dict)
    alarms: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.means = {name: metric.compute() for name, metric in self.measured.items()}
        self.estimates = {k: Estimate(float(c["mean"]), float(c["error"])) for k, c in self.means.items()}


class Observable(ABC):
    """A quantity, or several, that an evaluation measures."""

    def begin(self) -> None:  # noqa: B027 most keep nothing
        """Forget what was kept: a new evaluation begins."""

    @abstractmethod
    def measure(self, at: Any) -> Mapping[str, Tensor]:
        """Return values `(batch,)` by name, of the configurations `at.x` `(batch, *shape)`.

        Args:
            at: a view of the configurations: `x` and what the model knows there, such as `log_psi(x)`,
                `derivatives(x)` and `local_energy(x)` of a wavefunction, `log_prob` and `terms` of a density.
        """

    def finish(self, found: Findings) -> None:  # noqa: B027 most have nothing to add
        """Add to the findings what follows from the means of all observables."""

    def histograms(self, x: Tensor) -> dict[str, Tensor]:
        """Return arrays by name, with errors as `<name>_error`, of configurations `(steps, chains, *shape)`."""
        return {}

    def figures(self, arrays: Mapping[str, np.ndarray], x: Tensor, title: str) -> dict[str, Figure]:
        """Return pictures by name of what `histograms` gave of `x` `(steps, chains, *shape)`."""
        return {}


class Function(Observable):
    """A function of configurations, measured under a name.

    Args:
        name: of the quantity.
        function: takes configurations `(batch, *shape)`, gives values `(batch,)`.
    """

    def __init__(self, name: str, function: Callable[[Tensor], Tensor]) -> None:
        self.name, self.function = name, function

    def measure(self, at: View) -> dict[str, Tensor]:
        """Return the values of the function.

        Raises:
            InputError: they are no real tensor `(batch,)`.
        """
        values = self.function(at.x)
        real = isinstance(values, Tensor) and not values.is_complex()
        got = tuple(values.shape) if real else type(values).__name__
        check(real and values.shape == at.x.shape[:1], f"observables: {self.name}", got, "a real tensor (batch,)")
        return {self.name: values.to(at.x.dtype)}


def observables_of(given: Mapping[str, Any] | Iterable[Any] | None, taken: Iterable[str] = ()) -> list[Observable]:
    """Return the observables that a user gave: functions by name, or objects.

    Args:
        given: `{name: function or Observable}`, or Observables.
        taken: names of quantities that are measured already.

    Raises:
        InputError: neither, or a name that is taken.
    """
    if given is None:
        return []
    named = given.items() if isinstance(given, Mapping) else [("", value) for value in given]
    found: list[Observable] = []
    for name, value in named:
        check(name not in set(taken), "observables", name, "a name that no measured quantity has")
        if not isinstance(value, Observable) and not (callable(value) and name):
            allowed = "{name: function of x (batch, ...) or Observable}"
            raise InputError(f"observables must be {allowed}, got {type(value).__name__}")
        found.append(value if isinstance(value, Observable) else Function(name, value))
    return found


def as_arrays(histograms: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Return histograms as NumPy arrays, as files keep them."""
    return {name: torch.as_tensor(values).cpu().numpy() for name, values in histograms.items()}
