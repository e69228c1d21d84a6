"""A module that measures itself with fresh draws: the evaluation of all models."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar

import torch
from lightning import LightningModule
from torch import Tensor

from physgen.core.errors import check, scalar
from physgen.core.full_precision import full_precision
from physgen.core.quantity import Quantity
from physgen.core.random_streams import EVALUATION, stream
from physgen.observables.base import Findings, Observable, observables_of
from physgen.observables.measurements import Measurements
from physgen.runs.evaluation import Evaluation
from physgen.runs.result import Estimate, Reference, Result, reference_for
from physgen.systems import System

log = logging.getLogger("physgen")


class Clock:
    """Iterable of steps that can be told to stop: `len` is the most there can be."""

    def __init__(self, steps: int) -> None:
        self.steps, self.stopped = steps, False

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[int]:
        self.stopped = False
        for step in range(self.steps):
            if self.stopped:
                return
            yield step

    def state_dict(self) -> dict[str, int]:
        """Return nothing: Lightning counts the steps, and knows by this method that a clock can be resumed."""
        return {}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Take over nothing."""


class EvaluatedModule(LightningModule):
    """A module that is evaluated with fresh draws, in float64, by Lightning's `test` or without a trainer.

    Subclasses say what one batch measures and sum it up in a `Result`.
    """

    system: System
    #: quantity that a run is made for
    headline: ClassVar[Quantity]
    #: how it is known that a density is normalised: `exact` by construction, `checked` while drawing, `bound` where ln
    #: p has a lower bound, `estimate`; None for what is no density
    guarantee: str | None = None
    #: fields of `Evaluation` that its draws do not ask for, and why
    evaluation_without_effect: ClassVar[dict[str, str]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.evaluation = Evaluation()
        self.result: Result | None = None
        #: configurations of the last evaluation `(steps, batch, n, dim)`, float64, for structure and figures
        self.evaluated: Tensor | None = None
        #: number of this iteration of the training, from 1
        self.iteration = 0
        #: what is measured besides, while `observe` is asked for it
        self._asked: list[Observable] = []

    @property
    def quantity(self) -> str:
        """Name of the headline."""
        return self.headline.name

    def new_stream(self, purpose: int, seed: int | None = None) -> torch.Generator:
        """Return this rank's generator for `purpose`, on the model's device."""
        return stream(torch.initial_seed() if seed is None else seed, self.global_rank, purpose, self.device)

    def test_dataloader(self) -> Clock:
        """Return the clock of an evaluation."""
        self.clock = Clock(self.evaluation.max_steps)
        return self.clock

    predict_dataloader = test_dataloader

    def observe(
        self,
        samples: int = 10_000,
        seed: int = 0,
        observables: Mapping[str, Any] | Iterable[Observable] | None = None,
        **settings: Any,
    ) -> dict[str, Estimate]:
        """Return every observable with its error, measured as `python -m physgen test` does.

            >>> model.observe(samples=10_000, seed=0)["energy"]  # doctest: +SKIP
            Estimate(value=3.0002, error=0.0002)
            >>> model.observe(observables={"x2": lambda x: x[..., 0].square().sum(-1)})["x2"]  # doctest: +SKIP
            Estimate(value=0.9998, error=0.0051)

        Args:
            samples: configurations that are measured, fresh ones.
            seed: seed of their draws.
            observables: more quantities, `{name: function}` of configurations `(batch, *shape)` that gives `(batch,)`,
                or `Observable` objects; of a density they are reweighted too.
            settings: other fields of `Evaluation`, such as `batch`, `thin` and `until_error`.

        Raises:
            InputError: a setting that `Evaluation` refuses, or an observable that is none or has a name that is taken.
        """
        samples = scalar(samples)
        batch = min(max(samples, 2), Evaluation.batch) if isinstance(samples, int) else Evaluation.batch
        self._asked = observables_of(observables)
        try:
            return self.evaluate(Evaluation(**{"samples": samples, "batch": batch, "seed": seed, **settings})).estimates
        finally:
            self._asked = []

    @full_precision
    @torch.inference_mode(False)  # weights that are widened there could never be trained again
    def evaluate(self, evaluation: Evaluation, goes_on: Callable[[int], bool] | None = None) -> Result:
        """Return, and keep as `result`, what a fresh evaluation without a trainer finds, in float64, without clipping.

        Args:
            evaluation: its size and seed.
            goes_on: told after every batch how many are done; the evaluation ends when it returns False.
        """
        check(isinstance(evaluation, Evaluation), "evaluation", evaluation, "an Evaluation")
        before, self.evaluation, training = self.evaluation, evaluation, self.training
        self.eval()
        self.on_test_start()
        try:
            for step in self.test_dataloader():
                self.test_step(step, step)
                if goes_on is not None and not goes_on(step + 1):
                    self.clock.stopped = True
            with torch.no_grad():
                self.result = self.summed_up()
            self.result.provenance["evaluation_seed"] = evaluation.seed
        finally:
            self.evaluation = before
            self.to(self._trained_dtype).train(training)
        return self.result

    @full_precision
    def on_test_start(self) -> None:
        """Widen to float64 and prepare fresh draws."""
        for name, reason in self.evaluation_without_effect.items():
            if getattr(self.evaluation, name) != getattr(Evaluation, name):
                log.warning("evaluation.%s has no effect on %s: %s", name, type(self).__name__, reason)
        # Lightning evaluates in inference mode, whose tensors no gradient can follow, not even a sampler's
        with torch.inference_mode(False):
            self._trained_dtype = next(self.parameters()).dtype
            if self.device.type != "mps":  # has no float64
                self.double()
            self.start_evaluation(self.new_stream(EVALUATION, self.evaluation.seed))

    @full_precision
    def test_step(self, batch: int, batch_idx: int) -> None:
        """Measure one batch."""
        with torch.inference_mode(False), torch.no_grad():
            self.measure(batch_idx)
        wanted = self.evaluation.until_error
        done = batch_idx + 1
        if wanted is not None and done >= self.evaluation.steps and done % 10 == 0:
            self.clock.stopped = self.measurements.error(self.quantity) <= wanted

    @full_precision
    def on_test_epoch_end(self) -> None:
        """Sum up in `self.result` and return to the training's precision."""
        self.result = self.summed_up()
        found = self.result.headline
        scalars = {f"test/{self.quantity}": found.value, f"test/{self.quantity}_error": found.error}
        # a number would become a tensor of lightning's default dtype, which rounds
        kind = torch.float32 if self.device.type == "mps" else torch.float64
        wide = {k: torch.tensor(v, dtype=kind, device=self.device) for k, v in scalars.items()}
        self.log_dict(wide, batch_size=1, sync_dist=True)
        with torch.inference_mode(False):
            self.to(self._trained_dtype)

    def summed_up(self) -> Result:
        """Return the summary, with notes on what of the evaluation was not done to the letter."""
        result, asked = self.summary(), self.evaluation
        whole = asked.steps * asked.batch
        if whole != asked.samples:
            result.notes.append(
                f"evaluation.samples {asked.samples} is rounded up to {whole}, batches of {asked.batch}"
            )
        error = result.headline.error
        if asked.until_error is not None and not error <= asked.until_error:
            result.notes.append(
                f"evaluation.until_error {asked.until_error:g} is not reached with {asked.max_samples} samples "
                f"(evaluation.max_samples): the error is {error:.2g}"
            )
        return result

    # ---- drawing to a file

    def on_predict_start(self) -> None:
        """Prepare fresh draws in float64."""
        self.on_test_start()

    def on_predict_end(self) -> None:
        """Return to the training's precision."""
        with torch.inference_mode(False):
            self.to(self._trained_dtype)

    @full_precision
    def predict_step(self, batch: int, batch_idx: int) -> dict[str, Tensor]:
        """Return one batch of draws."""
        with torch.inference_mode(False), torch.no_grad():
            return {k: v.cpu() for k, v in self.draws_to_keep().items()}

    @abstractmethod
    def draws_to_keep(self) -> dict[str, Tensor]:
        """Return fresh draws `x` and what is known of them, one row each."""

    # ---- one loop over observables

    def start_evaluation(self, generator: torch.Generator) -> None:
        """Prepare fresh draws and what is measured of them.

        Of the headline first, then of the space, the model and the system, and what a user asked for: what a system
        makes of the headline follows what a model adds to its error.
        """
        self.start_fresh_draws(generator)
        own = [*self.headline_observables(), *self.system.space.observables(), *self.observables()]
        own += self.system.observables()
        self.measurements = Measurements([*own, *self._asked, *self.last_observables()])

    def measure(self, step: int) -> None:
        """Measure one batch of fresh draws."""
        self.measurements.add(self.fresh_view())

    def summary(self) -> Result:
        """Return what was found, beside the reference."""
        found = self.measurements.findings(self.notes)
        self.evaluated = self.measurements.x
        reference = self.reference(found)
        where = self.provenance()
        self.finish(found)
        return Result(
            self.quantity,
            found.estimates,
            found.diagnostics,
            found.notes,
            reference,
            where,
            found.alarms,
            self.guarantee,
            self.headline,
        )

    def reference(self, found: Findings) -> Reference | None:
        """Return what the headline is compared with; a caveat goes into the notes of `found`."""
        return reference_for(self.system.references(), self.quantity)

    def finish(self, found: Findings) -> None:
        """Add to the findings what the model knows of its draws."""

    def observables(self) -> list[Observable]:
        """Return what is measured of this model besides; subclasses add theirs."""
        return []

    def last_observables(self) -> list[Observable]:
        """Return what is made of all other observables."""
        return []

    @abstractmethod
    def headline_observables(self) -> list[Observable]:
        """Return what measures the headline and what belongs to it."""

    @abstractmethod
    def start_fresh_draws(self, generator: torch.Generator) -> None:
        """Prepare fresh draws."""

    @abstractmethod
    def fresh_view(self) -> Any:
        """Return a view of one batch of fresh draws in float64: `x` and what the model knows there."""
