"""Log-determinant with its inverse kept for the way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class _LogDeterminant(torch.autograd.Function):
    """ln|det A| and its sign; d ln|det A| = tr(A^-1 dA), with the factors of the forward pass used again."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor) -> tuple[Tensor, Tensor]:
        factors, pivots, _ = torch.linalg.lu_factor_ex(matrix)
        diagonal = factors.diagonal(dim1=-2, dim2=-1)
        swaps = (pivots != torch.arange(1, matrix.shape[-1] + 1, device=pivots.device)).sum(-1)
        sign = (1 - 2 * (swaps % 2)) * diagonal.sign().prod(-1)
        ctx.save_for_backward(matrix, factors, pivots)
        ctx.mark_non_differentiable(sign)
        return diagonal.abs().log().sum(-1), sign

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, _: Tensor) -> Tensor:
        saved: tuple[Tensor, Tensor, Tensor] = ctx.saved_tensors
        matrix, factors, pivots = saved
        if torch.is_grad_enabled():  # a graph is made: the factors would silently count as constant
            inverse: Tensor = torch.linalg.inv(matrix)
        else:
            eye = torch.eye(factors.shape[-1], dtype=factors.dtype, device=factors.device)
            inverse = torch.linalg.lu_solve(factors, pivots, eye.expand_as(factors))
        return gradient[..., None, None] * inverse.mT


_log_determinant: Callable[[Tensor], tuple[Tensor, Tensor]] = _LogDeterminant.apply


def log_determinant(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Return ln|det A| and the sign of det A `(batch,)` of square matrices `(batch, m, m)`.

    Half precision is widened to float32: a log-determinant of bfloat16 factors is noise.
    """
    if matrix.dtype in (torch.float16, torch.bfloat16):
        matrix = matrix.float()
    return _log_determinant(matrix)
