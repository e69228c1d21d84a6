"""The log-variance divergence of paths: a diffusion learns from the Hamiltonian alone."""

from __future__ import annotations

from torch import Tensor


def log_variance(log_ratio: Tensor, limit: float = 6.0) -> Tensor:
    r"""Return the variance of $\ln w$ over paths, held fixed, with residuals limited in robust standard deviations.

    $\ln w = -\beta H(x) + \ln r(\text{path} | x) - \ln q(\text{path})$ is the same for all paths where q is the law of
    Gibbs samples with noise. The gradient needs neither that of H nor a derivative along the path.

    Source: L. Richter and J. Berner, "Improved sampling via learned diffusions", arXiv:2307.01198.

    Args:
        log_ratio: ln w `(batch,)`, differentiable.
        limit: largest residual from the median, in units of 1.4826 times the median absolute residual.
    """
    residual = log_ratio - log_ratio.detach().median()
    most = limit * (1.4826 * residual.detach().abs().median() + 1e-3)
    return residual.clamp(-most, most).var()
