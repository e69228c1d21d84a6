"""Sources of random numbers that never meet."""

from __future__ import annotations

import torch

#: offsets that keep apart the streams of training, evaluation, Monte Carlo samples, diffusion Monte Carlo, draws and
#: bridges
TRAINING, EVALUATION, DATA, DIFFUSION, DRAWS, BRIDGES = 0, 1, 2, 3, 4, 5


def stream(seed: int, rank: int, purpose: int, device: torch.device | str) -> torch.Generator:
    """Return a generator whose draws differ for every seed, rank and purpose."""
    mixed = (seed * 1_000_003 + rank * 7_919 + purpose * 104_729) % (2**63 - 1)
    return torch.Generator(device).manual_seed(mixed)
