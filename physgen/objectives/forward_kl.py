"""Forward Kullback-Leibler divergence: maximum likelihood on Monte Carlo samples."""

from __future__ import annotations

from typing import Any

from torch import Tensor


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
