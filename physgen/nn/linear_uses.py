"""Which linear layers a network calls with parameters of its own, and what goes in and out of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear
from torch.overrides import TorchFunctionMode

_FUNCTORCH = torch._C._functorch


@dataclass
class Use:
    """One call of a linear layer for a batch: the parts of its weight and bias among all parameters, input and output.

    Args:
        weight: first and last column + 1 of the weight.
        bias: those of the bias, or None.
        inputs: `(batch, *, in)`.
        outputs: as autograd knows them, with the samples along `axis`.
        axis: see there.
    """

    weight: tuple[int, int]
    bias: tuple[int, int] | None
    inputs: Tensor
    outputs: Tensor
    axis: int


class LinearUses(TorchFunctionMode):
    r"""While it is entered, notes every call of `torch.nn.functional.linear` under `vmap` whose weight is a parameter.

    What it notes is physical: tensors of the whole batch. Weights and biases are cut from the graph: their
    gradients $\sum_t g_t \otimes h_t$ of every sample follow from inputs h and the gradients g of the outputs.

    Args:
        parameters: by name, in the order of the columns.
        left_out: names of those whose calls are not noted.
    """

    def __init__(self, parameters: Mapping[str, Tensor], left_out: set[str]) -> None:
        super().__init__()
        self.found: list[Use] = []
        self.columns: dict[str, tuple[int, int]] = {}
        self.places: list[tuple[int, int, int]] = []
        end = 0
        for name, p in parameters.items():
            self.columns[name] = (end, end + p.numel())
            if name not in left_out and p.numel() and p.is_contiguous():
                self.places.append((p.data_ptr(), p.data_ptr() + p.numel() * p.element_size(), end))
            end += p.numel()

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:  # noqa: ANN401
        return (self.call if function is linear else function)(*args, **(kwargs or {}))

    def interval(self, w: Tensor | None) -> tuple[int, int] | None:
        """Return the columns of a parameter or of a part of it, None of any other tensor."""
        if w is None or _FUNCTORCH.is_functorch_wrapped_tensor(w) or not w.is_contiguous():
            return None
        for first, end, start in self.places:
            if first <= w.data_ptr() < end:
                begin = start + (w.data_ptr() - first) // w.element_size()
                return begin, begin + w.numel()
        return None

    def call(self, input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:  # noqa: A002 torch's names
        """Return h W^T + b, noted where it can be."""
        of_weight = self.interval(weight)
        if of_weight is None or not _FUNCTORCH.is_batchedtensor(input):
            return linear(input, weight, bias)
        inputs = _FUNCTORCH.get_unwrapped(input)
        if not inputs.requires_grad or _FUNCTORCH.is_functorch_wrapped_tensor(inputs):  # of a transform within another
            return linear(input, weight, bias)
        of_bias = self.interval(bias)
        out = linear(input, weight.detach(), None if bias is None or of_bias is None else bias.detach())
        inputs = inputs.detach().movedim(_FUNCTORCH.maybe_get_bdim(input), 0)
        use = Use(of_weight, of_bias, inputs, _FUNCTORCH.get_unwrapped(out), _FUNCTORCH.maybe_get_bdim(out))
        self.found.append(use)
        return out if bias is None or of_bias is not None else out + bias
