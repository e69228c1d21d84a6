"""Gradient and Laplacian of ln|psi| of any network: by its own rule or by autograd, in chunks of bounded memory."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from physgen.core.errors import TrainingError, check_real

log = logging.getLogger("physgen")
Derivatives = Callable[[Tensor], tuple[Tensor, Tensor]]

#: bytes that the largest tensor of a chunk may take with a network's own rule: about a core's cache, or more
LARGEST_BYTES = {"cpu": 4 << 20, "cuda": 512 << 20}
#: bytes that all tensors of a chunk together may take where autograd keeps them
GRAPH_BYTES = {"cpu": 512 << 20, "cuda": 8 << 30}
#: configurations that a probe of the memory takes
PROBE = 16


class _Made(TorchDispatchMode):
    """Bytes of the tensors that operations make: the largest and all, but for views of memory that was there."""

    def __init__(self, known: Tensor | None = None) -> None:
        TorchDispatchMode.__init__(self)  # not by super(): torch gives its constructor no types
        self.largest = self.total = 0
        self.known = None if known is None else known.untyped_storage().data_ptr()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401
        out = function(*args, **(kwargs or {}))
        for value in out if isinstance(out, (tuple, list)) else (out,):
            if isinstance(value, Tensor) and (self.known is None or value.untyped_storage().data_ptr() != self.known):
                size = value.numel() * value.element_size()
                self.largest, self.total = max(self.largest, size), self.total + size
        return out


def chunk_size(evaluate: Derivatives, x: Tensor, keeps_graph: bool, known: Tensor | None = None) -> int:
    """Return how many configurations `evaluate` may take at once, judged by what it allocates for a few of them.

    Args:
        evaluate: gives gradient and Laplacian.
        x: configurations `(batch, n, dim)`.
        keeps_graph: whether all intermediate tensors live until the end, as in autograd.
        known: memory that was there before, into which it writes.
    """
    few = x[:PROBE]
    with _Made(known) as made:
        evaluate(few)
    device = "cuda" if x.is_cuda else "cpu"
    bound = (GRAPH_BYTES if keeps_graph else LARGEST_BYTES)[device]
    each = (made.total if keeps_graph else made.largest) / max(1, len(few))
    return max(1, int(bound / max(each, 1)))


def in_chunks(evaluate: Derivatives, x: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Return gradient and Laplacian with at most `size` configurations at once."""
    if len(x) <= size:
        return evaluate(x)
    count = -(-len(x) // size)
    parts = [evaluate(part) for part in x.tensor_split(count)]
    gradients, laplacians = zip(*parts, strict=True)
    return torch.cat(gradients), torch.cat(laplacians)


def own_derivatives(net: nn.Module) -> Derivatives | None:
    """Return the network's own rule, its method `derivatives`, None of one without."""
    rule: Derivatives | None = getattr(net, "derivatives", None)
    return rule


def autograd_derivatives(net: Callable[[Tensor], tuple[Tensor, Tensor]], x: Tensor) -> tuple[Tensor, Tensor]:
    """Return gradient `(batch, n, dim)` and Laplacian `(batch,)` of ln|psi| by a backward pass per coordinate."""
    with torch.enable_grad():
        flat = x.detach().flatten(1).requires_grad_(True)
        sign, value = net(flat.view_as(x))
        check_real(type(net).__name__, sign, value)
        (gradient,) = torch.autograd.grad(value.sum(), flat, create_graph=True)
        laplacian = torch.zeros_like(value)
        for i in range(flat.shape[1]):
            (row,) = torch.autograd.grad(gradient[:, i].sum(), flat, retain_graph=True)
            laplacian = laplacian + row[:, i]
    return gradient.detach().view_as(x), laplacian.detach()


def check_derivatives(net: nn.Module, x: Tensor, tolerance: float = 1e-6) -> None:
    """Compare a network's own `derivatives` with autograd in float64, at a few configurations.

    Args:
        net: gives `forward(x) -> (sign, ln|psi|)` and `derivatives(x) -> (gradient, laplacian)`.
        x: configurations `(batch, n, dim)`.
        tolerance: largest difference, relative to the size of what is compared.

    Raises:
        TrainingError: they disagree; the message says by how much.
    """
    if x.device.type != "mps":  # has no float64
        net, x = copy.deepcopy(net).double(), x.double()
    rule = own_derivatives(net)
    if rule is None:
        raise ValueError(f"{type(net).__name__} has no derivatives of its own")
    with torch.no_grad():
        found = rule(x)
    expected = autograd_derivatives(net, x)
    for name, own, reference in zip(("gradient", "Laplacian"), found, expected, strict=True):
        usable = reference.isfinite()
        size = reference[usable].abs().mean().clamp_min(1.0)
        off = float(((own - reference)[usable].abs() / size).max()) if bool(usable.any()) else 0.0
        if not off <= tolerance:
            raise TrainingError(
                f"derivatives of {type(net).__name__} disagree with autograd: the {name} of ln|psi| is off by "
                f"{off:.3g} relative, allowed is {tolerance:g}; correct it or remove the method to use autograd"
            )


class DerivativeRule:
    """Gradient and Laplacian of ln|psi| by a network's own `derivatives`, in closed form or by the forward Laplacian.

    A network without them is differentiated by autograd, one backward pass for every coordinate, and the log says so
    once. Either way so many configurations are taken at once that the memory stays bounded.

    Args:
        net: gives `forward(x) -> (sign, ln|psi|)` and, if it can, `derivatives(x) -> (gradient, laplacian)`.
    """

    def __init__(self, net: nn.Module) -> None:
        self.net = net
        self.own = own_derivatives(net) is not None
        self._sizes: dict[tuple[torch.dtype, torch.device, int], int] = {}
        if not self.own:
            log.warning(
                "%s gives no derivatives of its own: the Laplacian takes a backward pass per coordinate (autograd)",
                type(net).__name__,
            )

    def evaluate(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return gradient `(batch, n, dim)` and Laplacian `(batch,)` of all of `x` at once."""
        rule = own_derivatives(self.net)
        return autograd_derivatives(self.net, x) if rule is None else rule(x)

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return gradient `(batch, n, dim)` and Laplacian `(batch,)` in chunks."""
        key = (x.dtype, x.device, min(len(x), PROBE))
        if key not in self._sizes:
            check_real(type(self.net).__name__, *self.net(x[:1]))
            self._sizes[key] = chunk_size(self.evaluate, x, keeps_graph=not self.own)
        return in_chunks(self.evaluate, x, self._sizes[key])

    def check(self, x: Tensor) -> None:
        """Compare the network's own derivatives with autograd, see `check_derivatives`."""
        if self.own:
            check_derivatives(self.net, x)
