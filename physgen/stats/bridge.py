"""Ratio of two normalisations from draws of both densities: Bennett's acceptance ratio."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from physgen.core.errors import check
from physgen.stats.blocking import blocked_error
from physgen.stats.precision import widened
from physgen.stats.series import as_series

#: fixed-point steps to the best shift; each wins at least a digit where the densities overlap at all
STEPS = 60


@dataclass(frozen=True)
class Bridge:
    """What draws of two densities say about the ratio of their normalisations.

    Args:
        log_z: ln Z of the target p = f/Z, without unit.
        error: one standard error of `log_z`, correlation of the chains included.
        overlap: integral of 2 p q / (p + q): 1 where the densities agree, 0 where they are apart.
        converged: whether the chains are long enough for their error, as `blocked_error` judges.
    """

    log_z: float
    error: float
    overlap: float
    converged: bool


def bridge(forward: Tensor, backward: Tensor) -> Bridge:
    r"""Return ln Z of the target f/Z from draws of a normalised density q and chains of the target.

    With the log weights w = ln f - ln q and the logistic function s, any number c gives the identity

    $$Z = e^c \langle s(w - c) \rangle_q / \langle s(c - w) \rangle_p ,$$

    of which c = ln Z + ln(N_q / N_p) has the least variance; N_p counts independent configurations of the chains. To
    first order the noise of c does not enter, so that the errors of both means add in quadrature; that of the chains is
    blocked.

    Source: C. H. Bennett, "Efficient estimation of free energy differences from Monte Carlo data",
    doi:10.1016/0021-9991(76)90078-4; X.-L. Meng and W. H. Wong, "Simulating ratios of normalizing constants via a
    simple identity", Statistica Sinica 6, 831 (1996); M. R. Shirts and J. D. Chodera, arXiv:0801.1426.

    Args:
        forward: w of independent draws of q, `(N,)`.
        backward: w along chains of the target, `(steps,)` or `(steps, chains)`.

    Raises:
        InputError: another shape, fewer than two values, or a value that is NaN, +inf, or -inf along a chain.
    """
    check(forward.ndim == 1 and len(forward) > 1, "forward", tuple(forward.shape), "(N,) with at least two draws")
    chains = as_series(backward)
    check(chains.numel() > 1, "backward", tuple(backward.shape), "at least two values")
    forward = widened(forward.detach(), forward.device)
    bad = int((forward.isnan() | (forward == torch.inf)).sum())
    check(not bad, "forward", f"{bad} NaN or +inf of {len(forward)}", "finite, or -inf where the target is zero")
    bad = int((~chains.isfinite()).sum())
    check(not bad, "backward", f"{bad} of {chains.numel()} that are not finite", "finite")
    shift = float(chains.mean())
    for _ in range(STEPS):
        log_z, error, converged, share = _estimate(forward, chains, shift)
        moved = log_z + share - shift
        shift += moved
        if abs(moved) < 1e-10 * (1 + abs(shift)):
            break
    log_z, error, converged, _ = _estimate(forward, chains, shift)
    overlap = float(torch.sigmoid(forward - log_z).mean() + torch.sigmoid(log_z - chains).mean())
    return Bridge(log_z, error, min(overlap, 1.0), converged)


def _estimate(forward: Tensor, chains: Tensor, shift: float) -> tuple[float, float, bool, float]:
    """Return ln Z, its error, whether the chains' error is converged, and ln(N_q / N_p)."""
    drawn, blocked = torch.sigmoid(forward - shift), blocked_error(torch.sigmoid(shift - chains))
    log_z = shift + float(drawn.mean().log() - blocked.mean.log())
    relative = float((drawn.var() / len(drawn)).sqrt() / drawn.mean()), float(blocked.error / blocked.mean)
    independent = float((blocked.variance / blocked.error.square()).nan_to_num(float(chains.numel()), posinf=1.0))
    share = float(torch.tensor(len(forward) / max(independent, 1.0)).log())
    return log_z, (relative[0] ** 2 + relative[1] ** 2) ** 0.5, blocked.converged, share
