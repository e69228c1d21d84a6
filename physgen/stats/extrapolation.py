"""Straight lines and parabolas through values with errors, continued to zero."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from physgen.core.errors import InputError, check, check_integer


@dataclass(frozen=True)
class Extrapolation:
    """A polynomial fit at zero.

    Args:
        value: the fit at abscissa 0.
        error: one standard error of it, from the errors of the values.
        slope: the fit's slope at 0.
        chi_square: sum of the squared deviations in units of the errors, per degree of freedom; `nan` without any.
    """

    value: float
    error: float
    slope: float
    chi_square: float


def extrapolate(
    abscissas: Sequence[float], values: Sequence[float], errors: Sequence[float], order: int = 1
) -> Extrapolation:
    r"""Return the least-squares polynomial through independent values, weighted by 1/error^2, at abscissa zero.

    $\min_c \sum_i (y_i - \sum_k c_k x_i^k)^2/\sigma_i^2$, value $c_0$, error $\sqrt{(A^T A)^{-1}_{00}}$ with
    $A_{ik} = x_i^k/\sigma_i$. If no value has an error, all weigh alike and the error is zero.

    Args:
        abscissas: time steps, variances, ...; not all the same.
        values: one each.
        errors: one standard error each; all above zero or all zero.
        order: degree of the polynomial.

    Raises:
        InputError: fewer different abscissas than coefficients, lists of different lengths, or errors that are no
            errors.
    """
    check_integer("order", order, 1)
    x, y, s = (torch.tensor([float(v) for v in row], dtype=torch.float64) for row in (abscissas, values, errors))
    check(len(x) == len(y) == len(s), "abscissas, values, errors", (len(x), len(y), len(s)), "of one length")
    check(len(set(x.tolist())) > order, "abscissas", x.tolist(), f"at least {order + 1} different numbers")
    exact = bool((s == 0).all())
    if not bool(torch.cat([x, y, s]).isfinite().all()) or not exact and not bool((s > 0).all()):
        raise InputError(f"errors must be all above 0 or all 0, and all values finite, got {s.tolist()}")
    scale = float(x.abs().max())  # columns of one size keep the solve well conditioned
    columns = (x / scale).unsqueeze(-1) ** torch.arange(order + 1)
    weight = torch.ones_like(s) if exact else 1 / s
    a, b = columns * weight.unsqueeze(-1), y * weight
    covariance = torch.linalg.inv(a.mT @ a)
    c = covariance @ (a.mT @ b)
    free = len(x) - order - 1
    chi_square = math.nan if free == 0 or exact else float((b - a @ c).square().sum()) / free
    error = 0.0 if exact else float(covariance[0, 0]) ** 0.5
    return Extrapolation(float(c[0]), error, float(c[1]) / scale, chi_square)
