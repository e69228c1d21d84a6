"""Functions of flowed coordinates: their kinetic energy by coordinates before the flow, and the way back."""

from __future__ import annotations

import torch
from torch import Tensor

from physgen.nn.flows.pair_gradient_flow import PairGradientFlow
from physgen.nn.oscillator.products import Coefficients


def pulled_back_kinetic(flow: PairGradientFlow, x: Tensor) -> tuple[Tensor, Tensor, Coefficients]:
    r"""Return image, Jacobian and the operator of $-\tfrac12 \nabla_x^2$ on functions of $\xi$, each pulled back.

    A state is $\psi(x) = \Phi(\xi) |J|^{-1/2}$. With $B = J^{-2}$, $w = \nabla \ln|J|$,

    $$-\tfrac12 \nabla_x^2 \psi = |J|^{-1/2} \left[ -\tfrac12 \left( B : \nabla\nabla \Phi
      + (\nabla \cdot B) \cdot \nabla \Phi + s \Phi \right) \right], \quad
      s = -\tfrac14 w B w - \tfrac12 (\nabla \cdot B) \cdot w - \tfrac12 B : \nabla w$$

    Args:
        flow: the map, J its Jacobian.
        x: relative vectors `(batch, size)`.
    """

    def metric(point: Tensor) -> tuple[Tensor, Tensor]:
        _, _, inverse, slope = flow.with_slope(point)
        return inverse @ inverse, slope

    with torch.no_grad():
        image, jacobian, inverse, slope = flow.with_slope(x)
        second = inverse @ inverse
        divergence, mixed = torch.zeros_like(x), torch.zeros_like(x[:, 0])
        for d in range(x.shape[1]):
            along = torch.zeros_like(x)
            along[:, d] = 1
            change, bend = torch.func.jvp(metric, (x,), (along,))[1]
            divergence = divergence + change[:, d]
            mixed = mixed + (second[:, d] * bend).sum(-1)
        quadratic = torch.einsum("bd,bde,be->b", slope, second, slope)
        value = -0.25 * quadratic - 0.5 * (divergence * slope).sum(-1) - 0.5 * mixed
    return image, jacobian, Coefficients(second, divergence, -0.5 * value)


def preimage(flow: PairGradientFlow, y: Tensor, steps: int = 50) -> Tensor:
    """Return relative vectors `(batch, size)` whose images are `y`, by damped Newton steps to 1e-12."""
    x = y.clone()
    for _ in range(steps):
        image, jacobian = flow.forward(x)
        off = y - image
        if bool((off.abs().amax(-1) <= 1e-12 * (1 + y.abs().amax(-1))).all()):
            break
        step = torch.linalg.solve(jacobian, off[..., None])[..., 0]
        # a step beyond the distance of a pair may land where the slope is another one
        x = x + step * (0.5 / step.abs().amax(-1, keepdim=True).clamp_min(0.5))
    return x
