"""Importance weights of a normalised density: effective sample size, ln Z and reweighted observables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from physgen.core.errors import check
from physgen.stats.precision import PreciseMetric, widened

# A running state is one vector: these four numbers, then three for each observable (see `weight_sums`).
HEAD = 4
ESTIMATES = ("ess", "count", "largest_weight", "log_z", "log_z_error")


def weight_sums(log_weight: Tensor, observables: Tensor) -> Tensor:
    """Return the sums of one batch from which all estimates follow.

        [m, n, sum w, sum w^2, then for each O: c = sum w O / sum w, sum w^2 (O - c), sum w^2 (O - c)^2]

    with `w = exp(log_weight - m)` and `m` the largest log weight. Sums about `c` do not cancel for large offsets of O.

    Args:
        log_weight: `(batch,)`, not empty; `-inf` is a weight of zero.
        observables: `(k, batch)`; ignored where the weight is zero, so infinite energies may stand there.

    Returns:
        `(4 + 3 k,)`.
    """
    largest = log_weight.max()
    weight = torch.exp(log_weight - _finite(largest))
    observables = torch.where(log_weight > -torch.inf, observables, 0.0)
    total = weight.sum()
    centre = (weight * observables).sum(dim=1) / _nonzero(total)
    deviation = observables - centre[:, None]
    square = weight.square()
    head = torch.stack([largest, total.new_tensor(len(weight)), total, square.sum()])
    tail = torch.stack([centre, (square * deviation).sum(dim=1), (square * deviation.square()).sum(dim=1)], dim=1)
    return torch.cat([head, tail.flatten()])


def merge_sums(parts: Tensor) -> Tensor:
    """Merge the sums `(parts, 4 + 3 k)` of disjoint sets of draws into those of their union, `(4 + 3 k,)`.

    It is exact in any order: each part is brought to the common largest weight and the common centre.
    """
    largest = parts[:, 0].max()
    scale = torch.exp(parts[:, 0] - _finite(largest))
    weight = scale * parts[:, 2]
    square = scale.square() * parts[:, 3]
    centres = parts[:, HEAD::3]
    first, second = (scale.square()[:, None] * parts[:, HEAD + i :: 3] for i in (1, 2))
    centre = (weight[:, None] * centres).sum(dim=0) / _nonzero(weight.sum())
    shift = centres - centre
    second = second + 2 * shift * first + shift.square() * square[:, None]
    first = first + shift * square[:, None]
    head = torch.stack([largest, parts[:, 1].sum(), weight.sum(), square.sum()])
    return torch.cat([head, torch.stack([centre, first.sum(dim=0), second.sum(dim=0)], dim=1).flatten()])


def estimates_of(sums: Tensor, observables: Sequence[str]) -> dict[str, Tensor]:
    """Turn the `sums` `(4 + 3 k,)` of `weight_sums` into the estimates that `ImportanceWeights.compute` describes."""
    largest, count, total, square = sums[:HEAD]
    empty = total == 0
    ess = torch.where(empty, 0.0, (total.square() / (count * square)).clamp(max=1.0))
    result = {
        "ess": ess,
        "count": count,
        "largest_weight": torch.where(empty, torch.nan, 1 / total),
        "log_z": largest + torch.log(total / count),
        "log_z_error": ((1 / ess - 1) / (count - 1)).sqrt(),
    }
    centre, _, second = sums[HEAD:].unflatten(0, (-1, 3)).unbind(dim=1) if observables else ((), (), ())
    for i, name in enumerate(observables):
        result[name] = torch.where(empty, torch.nan, centre[i])
        result[f"{name}_error"] = (second[i] * count / (count - 1)).sqrt() / total
    return result


def importance_estimates(log_weight: Tensor, **observables: Tensor) -> dict[str, Tensor]:
    """Estimates of `ImportanceWeights` from one batch: `log_weight` and each observable `(batch,)`.

    Raises:
        InputError: as `ImportanceWeights.update`.
    """
    names = _checked_names(tuple(observables))
    return estimates_of(weight_sums(*_checked(log_weight, observables, names, log_weight.device)), names)


class ImportanceWeights(PreciseMetric):
    """Streaming estimates from draws `x ~ p` of a normalised density with `ln w = -beta H(x) - ln p(x)`.

        ln Z = ln mean(w),   ESS/N = (sum w)^2 / (N sum w^2),   <O> = sum w O / sum w

    Sums are kept in float64 (float32 on mps, where counts above 2^24 are not exact) relative to the largest weight, so
    offsets of any size are harmless, and the result does not depend on batches or ranks. Errors are those of
    independent draws by the delta method; they mean something only if the variance of `w` is finite and the ESS counts
    many draws (`ess * count`), and `E[ln Z estimate] <= ln Z`, low by about `log_z_error^2 / 2`. If `p` misses a part
    of space, no number here can tell. States are not in the state dict.

    Source: K. A. Nicoli et al., "Asymptotically unbiased estimation of physical observables with neural samplers",
    arXiv:1910.13496; K. A. Nicoli et al., "Estimation of Thermodynamic Observables in Lattice Field Theories with Deep
    Generative Models", arXiv:2007.07115; L. Kish, "Survey Sampling" (1965) for the ESS.

        >>> weights = ImportanceWeights(observables=["energy"])
        >>> weights.update(torch.zeros(4), energy=torch.arange(4.0))
        >>> {name: float(value) for name, value in weights.compute().items() if name in ("ess", "log_z", "energy")}
        {'ess': 1.0, 'log_z': 0.0, 'energy': 1.5}

    Args:
        observables: names of what each update brings besides the weights.
        kwargs: those of `torchmetrics.Metric`.

    Raises:
        InputError: names repeat or collide with an estimate.
    """

    is_differentiable = False
    full_state_update = False
    sums: Tensor

    def __init__(self, observables: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.observables = _checked_names(observables)
        empty = torch.zeros(HEAD + 3 * len(self.observables), dtype=self.dtype)
        empty[0] = -torch.inf
        # One vector with one merging function serves ranks, `forward` and `merge_state` alike.
        self.add_state("sums", empty, dist_reduce_fx=merge_sums)

    def update(self, log_weight: Tensor, **observables: Tensor) -> None:
        """Add draws: `log_weight` `(batch,)` without unit and each named observable `(batch,)` in its own unit.

        Raises:
            InputError: shapes differ, names are not those of the construction, a log weight is NaN or +inf, or an
                observable is not finite where the weight is not zero.
        """
        log_weight, values = _checked(log_weight, observables, self.observables, self.device)
        if len(log_weight):
            self.sums = merge_sums(torch.stack([self.sums, weight_sums(log_weight, values)]))

    def compute(self) -> dict[str, Tensor]:
        """Return scalars `ess`, `count`, `largest_weight`, `log_z`, `log_z_error`, and `O`, `O_error` per observable.

        * `ess`: Kish's effective sample size as a fraction of `count`, in (0, 1]; 0 if all weights vanish.
        * `largest_weight`: share of the largest weight in the sum of all; `nan` if all vanish.
        * `log_z`, `log_z_error`: `ln mean(w)` and `sqrt((1/ess - 1)/(count - 1))`; without unit.
        * `O`, `O_error`: `sum w O / sum w` and `sqrt(N/(N - 1) sum w^2 (O - <O>)^2) / sum w`; O's unit.

        One draw has no error: `nan`.

        Raises:
            InputError: there was no draw.
        """
        check(bool(self.sums[1] > 0), "ImportanceWeights", "no draw", "updated before compute")
        return estimates_of(self.sums, self.observables)

    def free_energy(self, beta: float) -> tuple[Tensor, Tensor]:
        """Return `F = -ln Z / beta` and its error, scalars in units of `1 / beta`.

        Raises:
            InputError: `beta` is zero, or there was no draw.
        """
        check(beta != 0, "beta", beta, "not zero")
        result = self.compute()
        return -result["log_z"] / beta, result["log_z_error"] / abs(beta)


def _finite(largest: Tensor) -> Tensor:
    """Replace `-inf`, all weights zero, by 0: `exp(-inf - 0)` is the right zero where `exp(-inf + inf)` is NaN."""
    return torch.where(largest == -torch.inf, 0.0, largest)


def _nonzero(total: Tensor) -> Tensor:
    """Replace a vanishing total weight by 1, which leaves the centre of no weight at 0 instead of NaN."""
    return torch.where(total == 0, 1.0, total)


def _checked_names(observables: Sequence[str]) -> tuple[str, ...]:
    names = tuple(observables)
    check(not isinstance(observables, str), "observables", observables, "a sequence of names")
    entries = [*ESTIMATES, *names, *(f"{name}_error" for name in names)]
    allowed = f"different from each other and from {', '.join(ESTIMATES)}"
    check(len(set(entries)) == len(entries) and "log_weight" not in names, "observables", names, allowed)
    return names


def _checked(
    log_weight: Tensor, observables: dict[str, Tensor], names: tuple[str, ...], device: torch.device
) -> tuple[Tensor, Tensor]:
    """Return log weights `(batch,)` and observables `(k, batch)` in double precision on `device`, or raise."""
    check(log_weight.ndim == 1, "log_weight", tuple(log_weight.shape), "of shape (batch,)")
    log_weight = widened(log_weight.detach(), device)
    bad = log_weight.isnan() | (log_weight == torch.inf)
    check(not bad.any(), "log_weight", f"{int(bad.sum())} NaN or +inf of {len(bad)}", "finite or -inf")
    check(set(observables) == set(names), "observables", sorted(observables), f"exactly {sorted(names)}")
    rows = []
    for name in names:
        value = observables[name]
        check(value.shape == log_weight.shape, name, tuple(value.shape), f"of shape {tuple(log_weight.shape)}")
        rows.append(widened(value.detach(), device))
        bad = ~rows[-1].isfinite() & (log_weight > -torch.inf)
        check(not bad.any(), name, f"{int(bad.sum())} others of {len(bad)}", "finite where the weight is not zero")
    return log_weight, torch.stack(rows) if rows else log_weight.new_zeros(0, len(log_weight))
