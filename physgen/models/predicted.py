"""A module that draws to a file: Lightning's `predict`."""

from __future__ import annotations

import torch
from torch import Tensor

from physgen.core.full_precision import full_precision
from physgen.models.evaluated import EvaluatedModule


class PredictedModule(EvaluatedModule):
    """A module whose fresh draws, in float64, and what is known of them, Lightning's `predict` returns."""

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
