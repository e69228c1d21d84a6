"""A linear layer of a scalar field on a torus: plane waves, each with a gain of its own."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class FieldWaves(nn.Module):
    r"""Scale the plane waves of a field, alike for all turns and reflections of a wave vector.

    $$y = F^{-1} e^{a} F x, \qquad \ln |\det| = \sum_k a(k)$$

    for F the Fourier transform on the torus: odd in the field, commuting with all shifts, turns and reflections of the
    square, with a closed inverse. Of white noise it makes any Gaussian field of these symmetries, a free one among
    them, a(k) = -ln(k^2 + m^2) / 2. It begins as the identity.

    Args:
        size: sites along a side.
    """

    kinds: Tensor
    numbers: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        wave = torch.arange(size)
        wave = torch.minimum(wave, size - wave)
        near, far = torch.minimum(wave[:, None], wave), torch.maximum(wave[:, None], wave)
        kinds = far * (far + 1) // 2 + near
        self.size = size
        self.register_buffer("kinds", kinds[:, : size // 2 + 1].clone(), persistent=False)
        self.register_buffer("numbers", torch.bincount(kinds.flatten()).double(), persistent=False)
        self.log_gain = nn.Parameter(torch.zeros(len(self.numbers)))

    def scaled(self, x: Tensor, gain: Tensor) -> Tensor:
        """Return fields `(batch, L, L)` with the gains of their kinds of waves."""
        waves = torch.fft.rfft2(x) * gain[self.kinds]
        fields: Tensor = torch.fft.irfft2(waves, s=(self.size, self.size))
        return fields

    def log_det(self, x: Tensor) -> Tensor:
        """Return ln |det| `(batch,)`, the same for all fields."""
        return (self.numbers.to(self.log_gain) @ self.log_gain).expand(len(x))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return fields `(batch, L, L)` after the layer and ln |det| `(batch,)`."""
        return self.scaled(x, self.log_gain.exp()), self.log_det(x)

    def inverse(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return fields `(batch, L, L)` before the layer and ln |det| of the layer `(batch,)`."""
        return self.scaled(y, torch.exp(-self.log_gain)), self.log_det(y)
