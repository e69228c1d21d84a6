"""Gradients by parameters of every sample by itself, by one backward pass of the whole batch."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap

from physgen.nn.derivatives import PROBE, chunk_size
from physgen.nn.linear_uses import LinearUses, Use

log = logging.getLogger("physgen")
#: makes of what a network gives for one configuration `(1, *shape)` the values `(components,)` that are differentiated
Values = Callable[[Any], Tensor]

#: numbers that `vmap` makes at once
VMAP_NUMBERS = 20_000_000
#: largest difference between the two ways, relative to the size of the gradients, where both are in float64
TOLERANCE = 1e-8


def by_vmap(net: nn.Module, values: Values, x: Tensor, numbers: int = VMAP_NUMBERS) -> Tensor:
    """Return the gradients `(batch, components, P)` by `vmap` over a reverse pass of one configuration.

    Args:
        net: the network.
        values: what of it is differentiated.
        x: configurations `(batch, *shape)`.
        numbers: entries that are made at once, at most.
    """
    trained = {k: p for k, p in net.named_parameters() if p.requires_grad}
    rest = {k: p for k, p in net.named_parameters() if not p.requires_grad} | dict(net.named_buffers())

    def one(parameters: dict[str, Tensor], own: Tensor) -> Tensor:
        return values(functional_call(net, {**parameters, **rest}, (own[None],)))

    found = []
    size = sum(p.numel() for p in trained.values())
    for part in x.split(max(1, numbers // max(size, 1))):
        slopes = vmap(jacrev(one), in_dims=(None, 0))(trained, part)
        found.append(torch.cat([slopes[k].reshape(*slopes[k].shape[:2], -1) for k in trained], -1).detach())
    return found[0] if len(found) == 1 else torch.cat(found)


class SampleGradients:
    r"""Gradients $\partial f_c(x_k)/\partial \theta$ of every sample k, columns in the order of the trained parameters.

    Parameters of a network that stand in linear layers alone get $\sum_t g_t \otimes h_t$, one product for each layer
    of its inputs h and the gradients g of its outputs, written where it belongs: no derivative of anything is taken for
    every sample by itself. Parameters with other uses, which are few and small in most networks, are copied for every
    sample. The forward pass is under `vmap`, so the network need not know. Where this fails or gives something else
    than `vmap` over the gradient of one sample, as judged by two samples before the first call, the latter is taken
    and the log says so.

    Args:
        net: the network.
        values: f, see `Values`.
    """

    def __init__(self, net: nn.Module, values: Values) -> None:
        self.net, self.values = net, values
        self.own: set[str] = set()
        self.direct: bool | None = None
        self._names: list[str] = []
        self._sizes: dict[tuple[Any, ...], int] = {}
        self._kept: Tensor | None = None

    @property
    def trained(self) -> dict[str, nn.Parameter]:
        """The trained parameters by name."""
        return {k: p for k, p in self.net.named_parameters() if p.requires_grad}

    def __call__(self, x: Tensor, keep: bool = False) -> Tensor:
        """Return the gradients `(batch, components, P)` at configurations `x` `(batch, *shape)`.

        Args:
            x: configurations.
            keep: whether they stand in memory that is kept, and overwritten by the next such call.
        """
        with torch.inference_mode(False), torch.enable_grad():
            x = x.detach().clone()  # a trainer evaluates in inference mode
            if self.direct is None or self._names != list(self.trained):
                self.judge(x)
            if not self.direct:
                return by_vmap(self.net, self.values, x)
            rows = self.rows(x, keep)
            key = (x.dtype, x.device, min(len(x), PROBE))
            if key not in self._sizes:
                self._sizes[key] = self.chunk(x, rows)
            count = -(-len(x) // self._sizes[key])
            for part, out in zip(x.tensor_split(count), rows.tensor_split(count), strict=True):
                self.write(part, out)
            return rows

    def rows(self, x: Tensor, keep: bool) -> Tensor:
        """Return memory for the gradients."""
        shape = (len(x), self.components, sum(p.numel() for p in self.trained.values()))
        kept = self._kept
        if keep and kept is not None and kept.shape == shape and (kept.dtype, kept.device) == (x.dtype, x.device):
            return kept
        made = x.new_empty(shape)
        if keep:
            self._kept = made
        return made

    def chunk(self, x: Tensor, rows: Tensor) -> int:
        """Return how many samples are differentiated at once: what they take stays near the core, and is bounded."""

        def few(part: Tensor) -> tuple[Tensor, Tensor]:
            self.write(part, rows[: len(part)])
            return part, part

        return min(chunk_size(few, x, graph, rows) for graph in (True, False))

    # ---- how it is done

    def judge(self, x: Tensor) -> None:
        """Find the parameters with other uses than linear layers, and compare both ways for two samples."""
        self._names, self._sizes, self._kept = list(self.trained), {}, None
        try:
            self.own, self.components = self.probe(x[:2])
            self.direct = self.agrees(x[:2])
            reason = "disagrees with that of one sample by itself"
        except Exception as error:  # whatever a network of somebody does
            self.direct, reason = False, f"fails ({type(error).__name__})"
        if not self.direct:
            log.warning(
                "%s: the backward pass of all samples at once %s, each is differentiated by itself (vmap)",
                type(self.net).__name__,
                reason,
            )

    def probe(self, x: Tensor) -> tuple[set[str], int]:
        """Return the names of parameters with other uses than noted ones, and the number of components."""
        trained = self.trained
        values, _, uses = self.forward(x, set())
        found = torch.autograd.grad(values.sum(), list(trained.values()), allow_unused=True)
        own = {name for name, slope in zip(trained, found, strict=True) if slope is not None}
        intervals = sorted({part for use in uses.found for part in (use.weight, use.bias) if part is not None})
        for (_, end), (start, last) in zip(intervals, intervals[1:], strict=False):
            if start < end:  # parts that overlap
                own |= {name for name, (first, past) in uses.columns.items() if first < last and start < past}
        return own, values.shape[1]

    def agrees(self, x: Tensor) -> bool:
        """Return whether both ways give the same for a copy of the network, in float64 where the device has it."""
        double = x.device.type != "mps"
        other = SampleGradients(copy.deepcopy(self.net).double() if double else self.net, self.values)
        other.own, other.components = self.own, self.components
        x = x.double() if double and x.is_floating_point() else x
        expected = by_vmap(other.net, other.values, x)
        found = other.rows(x, keep=False)
        other.write(x, found)
        usable = expected.isfinite()
        size = expected[usable].abs().amax() if bool(usable.any()) else expected.new_ones(())
        off = (found - expected)[usable].abs() <= (TOLERANCE if double else 1e-3) * size
        return bool(off.all())

    def forward(self, x: Tensor, own: set[str]) -> tuple[Tensor, dict[str, Tensor], LinearUses]:
        """Return the values `(batch, components)`, copies for every sample of parameters in `own`, and noted layers."""
        trained = self.trained
        copies = {k: trained[k].detach().expand(len(x), *trained[k].shape).requires_grad_() for k in sorted(own)}

        def one(replaced: dict[str, Tensor], at: Tensor) -> Tensor:
            return self.values(functional_call(self.net, replaced, (at[None],)))

        if x.is_floating_point():
            x = x.requires_grad_()  # so that what the first layers give is followed too
        with LinearUses(trained, own) as uses:
            return vmap(one)(copies, x), copies, uses

    def write(self, x: Tensor, rows: Tensor) -> None:
        """Write the gradients at `x` `(batch, *shape)` into `rows` `(batch, components, P)`."""
        values, copies, uses = self.forward(x, self.own)
        wanted = [*copies.values(), *[use.outputs for use in uses.found]]
        for c in range(values.shape[1]):
            again = c + 1 < values.shape[1]
            slopes = torch.autograd.grad(values[:, c].sum(), wanted, retain_graph=again, allow_unused=True)
            out = rows[:, c]
            written: set[tuple[int, int]] = set()
            for name, slope in zip(copies, slopes[: len(copies)], strict=True):
                add(out, uses.columns[name], slope, written)
            for use, slope in zip(uses.found, slopes[len(copies) :], strict=True):
                if slope is not None:
                    add_outer(out, use, slope.movedim(use.axis, 0), written)
            at = 0
            for first, end in [*sorted(written), (out.shape[1], out.shape[1])]:
                out[:, at:first] = 0  # nothing depends on these
                at = end


def add(rows: Tensor, columns: tuple[int, int], slopes: Tensor | None, written: set[tuple[int, int]]) -> None:
    """Add gradients `(batch, *)` to columns of `rows` `(batch, P)`, or write them where nothing was `written`."""
    if slopes is None:
        return
    out = rows[:, columns[0] : columns[1]]
    out = out.view(slopes.shape) if slopes.ndim > 1 else out[:, 0]
    if columns in written:
        out.add_(slopes)
    else:
        out.copy_(slopes)
        written.add(columns)


def add_outer(rows: Tensor, use: Use, slopes: Tensor, written: set[tuple[int, int]]) -> None:
    r"""Add $\sum_t g_t \otimes h_t$ and $\sum_t g_t$ of a linear layer, t over all axes but the samples'.

    Args:
        rows: `(batch, P)`.
        use: the layer and its inputs h.
        slopes: g `(batch, *, out)`.
        written: columns that hold something.
    """
    batch = len(rows)
    g = slopes.reshape(batch, -1, slopes.shape[-1])
    h = use.inputs.reshape(batch, -1, use.inputs.shape[-1])
    add(rows, use.weight, g.mT * h if g.shape[1] == 1 else torch.bmm(g.mT, h), written)
    if use.bias is not None:
        add(rows, use.bias, g.sum(1), written)
