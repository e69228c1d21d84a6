"""A module that measures itself with fresh draws: the evaluation of all models."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import torch

from physgen.core.errors import check, scalar
from physgen.core.full_precision import full_precision
from physgen.core.random_streams import EVALUATION, stream
from physgen.models.clock import Clock
from physgen.models.measured import MeasuredModule
from physgen.models.shown_evaluation import evaluation_bar
from physgen.observables.base import Observable, observables_of
from physgen.runs.evaluation import Evaluation
from physgen.runs.result import Estimate, Result

log = logging.getLogger("physgen")


class EvaluatedModule(MeasuredModule):
    """A module that is evaluated with fresh draws, in float64, by Lightning's `test` or without a trainer."""

    #: fields of `Evaluation` that its draws do not ask for, and why
    evaluation_without_effect: ClassVar[dict[str, str]] = {}

    def new_stream(self, purpose: int, seed: int | None = None) -> torch.Generator:
        """Return this rank's generator for `purpose`, on the model's device."""
        return stream(torch.initial_seed() if seed is None else seed, self.global_rank, purpose, self.device)

    def test_dataloader(self) -> Clock:
        """Return the clock of an evaluation."""
        asked = self.evaluation
        self.clock = Clock(asked.steps if self.wanted_error is None else asked.max_steps)
        return self.clock

    @property
    def wanted_error(self) -> float | None:
        """Error of the headline that the evaluation goes on for, None where more draws do not lower it."""
        return None if "until_error" in self.evaluation_without_effect else self.evaluation.until_error

    predict_dataloader = test_dataloader

    def observe(
        self,
        samples: int = 10_000,
        seed: int = 0,
        observables: Mapping[str, Any] | Iterable[Observable] | None = None,
        progress: bool | None = None,
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
            progress: whether a progress bar is shown; where somebody looks, a terminal or a notebook, unless given.
            settings: other fields of `Evaluation`, such as `batch`, `thin` and `until_error`.

        Raises:
            InputError: a setting that `Evaluation` refuses, or an observable that is none or has a name that is taken.
        """
        samples = scalar(samples)
        batch = min(max(samples, 2), Evaluation.batch) if isinstance(samples, int) else Evaluation.batch
        self._asked = observables_of(observables)
        evaluation = Evaluation(**{"samples": samples, "batch": batch, "seed": seed, **settings})
        try:
            with evaluation_bar(evaluation.max_steps, progress) as told:
                return self.evaluate(evaluation, told).estimates
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
        wanted = self.wanted_error
        done = batch_idx + 1
        if wanted is not None and done >= self.evaluation.steps and done % 10 == 0:
            self.clock.stopped = self.measurements.error(self.quantity) <= wanted

    @full_precision
    def on_test_epoch_end(self) -> None:
        """Sum up in `self.result`, whose numbers `Trainer.test` returns, and return to the training's precision."""
        self.result = self.summed_up()
        scalars: dict[str, float] = {}
        for name, found in self.result.estimates.items():
            scalars |= {f"test/{name}": found.value, f"test/{name}_error": found.error}
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
        wanted = self.wanted_error
        if wanted is not None and not error <= wanted:
            result.notes.append(
                f"evaluation.until_error {wanted:g} is not reached with {asked.max_samples} samples "
                f"(evaluation.max_samples): the error is {error:.2g}"
            )
        return result
