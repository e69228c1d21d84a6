"""The evidence lower bound of a model with latent numbers, and the importance-weighted bounds above it."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from physgen.core.quantity import Quantity
from physgen.objectives.forward_kl import ForwardKL


def importance_bound(log_ratio: Tensor) -> Tensor:
    r"""Return $\ln \frac1K \sum_k p(x, z_k)/r(z_k|x)$ `(batch,)` of the logarithms `(K, batch)`, z_k drawn from r.

    Its mean is at most ln p(x), rises with K, and is the evidence lower bound (ELBO) for K = 1.

    Sources: D. P. Kingma and M. Welling, "Auto-Encoding Variational Bayes", arXiv:1312.6114; Y. Burda, R. Grosse and
    R. Salakhutdinov, "Importance Weighted Autoencoders", arXiv:1509.00519.
    """
    return log_ratio.logsumexp(0) - math.log(len(log_ratio))


class EvidenceBound(ForwardKL):
    """Maximum likelihood by a bound from below: `model` gives `log_ratio(x, noise)` and `latent_noise`.

    Args:
        importance: K, latents of every sample; 1 for the ELBO.
    """

    quantity = Quantity("negative_bound", "-<bound>", bound="upper", gap="nats", unit="nats")

    def __init__(self, importance: int = 1) -> None:
        self.importance = importance

    def loss(self, model: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return minus the mean bound and its values `(batch,)`."""
        noise: Tensor = model.latent_noise(self.importance, len(x), model.generator)
        values = -importance_bound(model.log_ratio(x, noise))
        return values.mean(), values.detach()


def bounds(log_ratio: Tensor, numbers: tuple[int, ...]) -> dict[int, Tensor]:
    """Return bounds `(batch,)` of several K of logarithms `(K_max, batch)`, means over disjoint parts of them."""
    found = {}
    for number in numbers:
        parts = log_ratio[: number * (len(log_ratio) // number)].unflatten(0, (-1, number))
        found[number] = (torch.logsumexp(parts, 1) - math.log(number)).mean(0)
    return found
