"""How much a trained model is measured."""

from __future__ import annotations

from dataclasses import dataclass

from physgen.core.errors import InputError, check, check_integer, check_positive

#: more samples than any machine measures
MOST_SAMPLES = 10**12


@dataclass
class Evaluation:
    """Size of an evaluation: always with fresh samples, a frozen step width, float64 and no clipping.

    Args:
        samples: configurations that are measured, in whole batches: rounded up, which the result notes.
        batch: configurations drawn at once; for Markov chains the number of fresh walkers.
        thin: moves of every walker between two measurements, for Markov chains.
        warm_up: moves before the first measurement, for Markov chains.
        anneal: bridging temperatures of annealed importance sampling on top of a density; 0 for none.
        repeats: parts that are also looked at alone, for the median and spread of KL and ESS, for densities.
        until_error: go on beyond `samples` until the headline's error is at most this, in the system's energy unit.
        max_samples: where `until_error` gives up.
        seed: seed of the evaluation's own draws.
    """

    samples: int = 200_000
    batch: int = 1_000
    thin: int = 10
    warm_up: int = 500
    repeats: int = 5
    anneal: int = 0
    until_error: float | None = None
    max_samples: int = 5_000_000
    seed: int = 1

    def __post_init__(self) -> None:
        self.batch = check_integer("evaluation.batch", self.batch, 2, MOST_SAMPLES)
        least = {"samples": self.batch, "repeats": 1, "anneal": 0, "thin": 1, "warm_up": 0, "max_samples": 1}
        for name, minimum in least.items():
            setattr(self, name, check_integer(f"evaluation.{name}", getattr(self, name), minimum, MOST_SAMPLES))
        self.seed = check_integer("evaluation.seed", self.seed, 0)
        if self.until_error is not None:
            self.until_error = check_positive("evaluation.until_error", self.until_error)
            allowed = f"at least evaluation.samples = {self.samples}"
            check(self.max_samples >= self.samples, "evaluation.max_samples", self.max_samples, allowed)
        elif self.max_samples != Evaluation.max_samples:
            raise InputError(f"evaluation.max_samples {self.max_samples} has no effect without evaluation.until_error")

    @property
    def steps(self) -> int:
        """Batches that are measured in any case."""
        return -(-self.samples // self.batch)

    @property
    def max_steps(self) -> int:
        """Batches at most."""
        return self.steps if self.until_error is None else -(-self.max_samples // self.batch)
