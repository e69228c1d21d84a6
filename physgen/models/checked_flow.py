"""Flows that are no bijections by construction: the sign of their Jacobian determinant is watched."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from physgen.core.ranks import summed
from physgen.models.flow import FlowModel
from physgen.runs.result import Result


class CheckedFlow(FlowModel):
    """A flow that keeps the sign of det dx/dz of its draws; both signs turn the result into "not a bound".

    Subclasses leave the signs of every `transform` in `_signs` `(batch,)`: 1 on the common sheet, -1 on a fold.
    """

    abstract = True
    guarantee = "checked"
    _signs: Tensor

    def watched(self) -> dict[str, Any]:
        """Return the fraction of the last draws whose determinant has the rarer sign: above zero the map folds."""
        positive = (self._signs > 0).double().mean()
        return {"minority_sign": torch.minimum(positive, 1 - positive)}

    def start_evaluation(self, generator: torch.Generator) -> None:
        """Count signs of the determinant besides."""
        super().start_evaluation(generator)
        self._positive = self._total = 0

    def measure(self, step: int) -> None:
        """Measure a batch, and count the signs of its determinants."""
        super().measure(step)
        self._positive += int((self._signs > 0).sum())
        self._total += len(self._signs)

    def summary(self) -> Result:
        """Return the result with the verdict on the sign of the determinant."""
        result = super().summary()
        counts = torch.tensor([self._positive, self._total], dtype=torch.long, device=self.device)
        positive, total = summed(counts).tolist()
        rarer = min(positive, total - positive)
        result.diagnostics["minority_sign"] = rarer / total
        if rarer:
            result.guarantee = "violated"
            result.notes.insert(
                0,
                f"NOT A BOUND: det dx/dz has both signs ({rarer} of {total} draws on the other sheet), "
                "the map folds and the printed density is not normalised",
            )
        else:
            result.notes.insert(0, f"det dx/dz has one sign in all {total} draws: no fold was seen")
        return result
