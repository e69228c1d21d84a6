"""What a reference calculation is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from physgen.core.errors import check_integer, check_positive

#: moves between two looks at the errors, and moves that fix the control variates and the stride of samples
ROUND = 100


@dataclass(frozen=True)
class Settings:
    """What a reference calculation is asked for; together with system and version it is the key of the cache.

    Args:
        error: standard error at which the chains stop, in the system's units: that of F for interacting charges, that
            of the energy where F needs no chains.
        samples: configurations to keep as training data, 0 for none.
        seed: seed of all draws.
        walkers: independent ladders of replicas.
        warm_up: moves before anything is measured.
        most_moves: moves after which the chains stop in any case; a note says so.

    Raises:
        InputError: an argument out of its range.
    """

    error: float = 0.003
    samples: int = 0
    seed: int = 1
    walkers: int = 64
    warm_up: int = 300
    most_moves: int = 50_000

    def __post_init__(self) -> None:
        check_positive("error", self.error)
        for name, least in (("samples", 0), ("seed", 0), ("walkers", 8), ("warm_up", 50), ("most_moves", 2 * ROUND)):
            check_integer(name, getattr(self, name), least)
