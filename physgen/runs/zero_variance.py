"""Energies of several wavefunctions continued to variance zero."""

from __future__ import annotations

import math
from collections.abc import Sequence

from physgen.core.errors import InputError, check
from physgen.runs.result import Result
from physgen.stats.extrapolation import Extrapolation, extrapolate


def zero_variance(results: Sequence[Result]) -> Extrapolation:
    """Return the energy at variance zero, on a straight line through energies of several wavefunctions of one system.

    Near an eigenstate energy and variance of the local energy both rise with the square of the error of psi, so that
    wavefunctions of one kind, such as the checkpoints of a training, lie on a line. It is a guess, not a bound.

    Source: Kashima and Imada, "Path-Integral Renormalization Group Method for Numerical Study on Ground States of
    Strongly Correlated Electronic Systems", arXiv:cond-mat/0104348.

    Args:
        results: evaluations with a `variance`, at least two.

    Raises:
        InputError: fewer than two, results of several systems, or one without a variance.
    """
    check(len(results) >= 2, "results", len(results), "at least 2")
    states = {(str(result.provenance.get("system")), result.excited) for result in results}
    check(len(states) == 1, "results", sorted(states), "of one system, and all of the ground state or none")
    if not all(math.isfinite(result.diagnostics.get("variance", math.nan)) for result in results):
        raise InputError("results must have a variance, as evaluations of wavefunctions have")
    variances = [result.diagnostics["variance"] for result in results]
    return extrapolate(variances, [r.headline.value for r in results], [r.headline.error for r in results])
