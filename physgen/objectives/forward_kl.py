"""Forward Kullback-Leibler divergence: maximum likelihood on Monte Carlo samples."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from physgen.core.quantity import Quantity
from physgen.objectives.base import Objective, Step
from physgen.objectives.typical import typical_of

#: minus the mean of ln p over samples of the target, in nats
NEGATIVE_LOG_LIKELIHOOD = Quantity("negative_log_likelihood", "-<ln p>", bound="upper", gap="nats", unit="nats")


def forward_kl(model: Any, x: Tensor) -> Tensor:
    r"""Return -<ln p(x)> over samples of exp(-beta H)/Z, `(batch,)` values whose mean is KL + the entropy of the
    target.

    KL(exp(-beta H)/Z || p) = -<ln p> - S,  S = beta (<H> - F)

    Unlike the reverse divergence it covers every part of the target that samples visit.

    Source: Noe, Olsson, Koehler and Wu, "Boltzmann generators", arXiv:1812.01729.

    Args:
        model: a density with `log_prob_of_samples(x)`, differentiable in the parameters.
        x: samples `(batch, n, dim)` of the target.
    """
    log_prob: Tensor = model.log_prob_of_samples(x)
    return -log_prob


class ForwardKL(Objective):
    """Maximum likelihood on samples of the target: `batch` gives some of those that the model learns from."""

    quantity = NEGATIVE_LOG_LIKELIHOOD
    part = "forward"

    def batch(self, model: Any) -> Tensor:
        """Return samples of the target `(batch, *shape)`."""
        samples: Tensor = model.sample_batch()
        return samples

    def step(self, model: Any, batch: Tensor) -> Step:
        """Return the step of samples `(batch, *shape)`."""
        loss, values = self.loss(model, batch)
        return Step(typical_of(values), lambda: loss, records={self.quantity.name: values.mean()})

    def validated(self, model: Any, x: Tensor) -> dict[str, Tensor]:
        """Return what is said of samples `(batch, *shape)` that the training does not see, means by name."""
        log_prob: Tensor = model.log_prob_of_samples(x)
        return {"log_likelihood": log_prob.mean()}

    def loss(self, model: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss and the values `(batch,)` in nats that say whether it is sound."""
        values = forward_kl(model, x)
        return values.mean(), values
