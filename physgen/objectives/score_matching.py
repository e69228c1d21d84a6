"""Denoising score matching: a denoiser learns from samples with noise."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from physgen.core.quantity import Quantity
from physgen.objectives.forward_kl import ForwardKL


class ScoreMatching(ForwardKL):
    """The weighed error of a denoiser on samples: `model` gives `units(x)` and a `ladder` of noises.

    Source: P. Vincent, "A Connection Between Score Matching and Denoising Autoencoders", doi:10.1162/NECO_a_00142.
    """

    quantity = Quantity("score_matching", "|D - x|^2", bound=None, gap="absolute")

    def loss(self, model: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and the weighed errors `(batch,)`."""
        values = model.ladder.score_loss(model.units(x), model.generator)
        return values.mean(), values.detach()

    def validated(self, model: Any, x: Tensor) -> dict[str, Tensor]:
        """Return the mean error, with the same noise every time."""
        generator = torch.Generator(x.device).manual_seed(0)
        return {self.quantity.name: model.ladder.score_loss(model.units(x), generator).mean()}
