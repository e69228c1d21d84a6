"""Multilayer perceptron whose Jacobian is the product of its layers'."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from physgen.core.errors import check, check_choice
from physgen.nn.flows.log_determinant import log_determinant
from physgen.nn.parts import Parts

#: name -> activation, its derivative as a function of input and output, and whether its values are bounded
ACTIVATIONS: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[Tensor, Tensor], Tensor], bool]] = {
    "tanh": (torch.tanh, lambda a, y: 1 - y.square(), True),
    "sigmoid": (torch.sigmoid, lambda a, y: y * (1 - y), True),
    "softplus": (nn.functional.softplus, lambda a, y: torch.sigmoid(a), False),
    "asinh": (torch.asinh, lambda a, y: torch.rsqrt(1 + a.square()), False),
}


class JacobianMLP(nn.Module):
    r"""MLP z -> x that also gives its Jacobian, layer by layer.

    x = W_L s(... s(W_1 z + b_1) ...) + b_L,    dx/dz = W_L D_{L-1} W_{L-1} ... D_1 W_1,  D = diag(s')

    The transposed product is carried along the forward pass, so every layer is one matrix product of
    `batch * inputs` rows, and the first costs nothing: no pass of automatic differentiation is needed.

    Args:
        widths: units of every layer, inputs and outputs included, such as `[40, 64, 64, 40]`.
        activation: `tanh`, `sigmoid`, `softplus` or `asinh`.

    Raises:
        InputError: fewer than two layers, widths below one, unknown activation.
    """

    def __init__(self, widths: Sequence[int], activation: str = "tanh") -> None:
        super().__init__()
        whole = all(isinstance(w, int) and not isinstance(w, bool) and w >= 1 for w in widths)
        check(len(widths) >= 2 and whole, "widths", list(widths), "at least two integers >= 1")
        self.activation = check_choice("activation", activation, ACTIVATIONS)
        self.layers = Parts(nn.Linear(a, b) for a, b in zip(widths[:-1], widths[1:], strict=True))
        for layer in self.layers:
            nn.init.orthogonal_(layer.weight)
            nn.init.zeros_(layer.bias)
        if widths[0] == widths[-1] <= min(widths):
            self.start_affine(1.0, torch.zeros(widths[-1]))

    @torch.no_grad()
    def start_affine(self, gain: float, centre: Tensor) -> None:
        """Start near z -> gain z + centre, `(outputs,)`: a map whose Jacobian has one sign.

        The last layer is the pseudo-inverse of the others' Jacobian at z = 0 times `gain`, less their value there; the
        others are isometries, and inputs are halved so that the activation starts in its straight part. Independent
        random layers instead give a determinant whose sign changes from one z to the next.
        """
        function, derivative, _ = ACTIVATIONS[self.activation]
        first, last = self.layers[0], self.layers[-1]
        first.weight.copy_(0.5 * nn.init.orthogonal_(torch.empty_like(first.weight)))
        y, transposed = torch.zeros_like(first.weight[0]), torch.eye(first.in_features).to(first.weight)
        for layer in self.layers[:-1]:
            before = layer(y)
            y = function(before)
            transposed = (transposed @ layer.weight.mT) * derivative(before, y)
        last.weight.copy_(gain * torch.linalg.pinv(transposed.mT.double()))
        last.bias.copy_(centre).sub_(last.weight @ y)

    @property
    def bounded(self) -> bool:
        """Whether all values of the map lie in a bounded set, so that it is not onto."""
        return len(self.layers) > 1 and ACTIVATIONS[self.activation][2]

    def value(self, z: Tensor) -> Tensor:
        """Return x `(batch, outputs)` of z `(batch, inputs)`."""
        function = ACTIVATIONS[self.activation][0]
        for layer in self.layers[:-1]:
            z = function(layer(z))
        x: Tensor = self.layers[-1](z)
        return x

    def jacobian(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return x `(batch, outputs)` and the transposed Jacobian `(batch, inputs, outputs)`."""
        function, derivative, _ = ACTIVATIONS[self.activation]
        transposed = self.layers[0].weight.mT.expand(len(z), -1, -1)
        y = self.layers[0](z)
        for layer in self.layers[1:]:
            before, y = y, function(y)
            transposed = (transposed * derivative(before, y).unsqueeze(1)) @ layer.weight.mT
            y = layer(y)
        return y, transposed

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return x `(batch, outputs)`, ln|det dx/dz| `(batch,)` and the sign of the determinant `(batch,)`."""
        x, transposed = self.jacobian(z)
        return x, *log_determinant(transposed)
