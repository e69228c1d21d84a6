"""What bfloat16 would make of every model, and that mixed precision makes nothing of it.

python -m benchmarks precision
"""

from __future__ import annotations

import torch
from torch import Tensor

from benchmarks.places import RESULTS
from physgen.core import full_precision
from physgen.core.errors import InputError
from physgen.models import Model, WavefunctionModel
from physgen.models.trainer_settings import check_settings
from physgen.systems import ClassicalDot, QuantumDot

OUT = RESULTS / "precision.txt"


def logarithm(model: Model, x: Tensor) -> Tensor:
    """Return ln|psi| or ln p `(batch,)` of configurations."""
    return model.log_psi(x)[1] if isinstance(model, WavefunctionModel) else model.log_prob(x)


@torch.no_grad()
def deviation(model: Model, x: Tensor) -> str:
    """Return in words how far ln|psi| or ln p of `x` under bfloat16 autocast is from that without, in nats."""
    plain = logarithm(model, x)
    try:
        with torch.autocast("cpu", torch.bfloat16):
            lowered = logarithm(model, x)
    except RuntimeError:
        return "stops with an error"
    lost = int((~lowered.isfinite()).sum())
    return f"{lost} of {len(x)} not finite" if lost else f"{float((plain - lowered).abs().max()):.2g}"


def main() -> None:
    """Measure, print and write the table."""
    devices, rows, refused = full_precision.DEVICES, [], 0
    kinds = [kind for _, kind in sorted(Model.registry.items()) if kind.__module__.startswith("physgen.")]
    for kind in kinds:
        torch.manual_seed(0)
        system = QuantumDot(n=6) if issubclass(kind, WavefunctionModel) else ClassicalDot(n=4, beta=2.0)
        model = kind(system)
        drawn = model.sample(256, torch.Generator().manual_seed(0))
        x = (drawn if isinstance(model, WavefunctionModel) else drawn[0]).float()
        kept = deviation(model, x)
        full_precision.DEVICES = ()  # lets autocast through
        try:
            rows.append(f"{kind.__name__:24} {deviation(model, x):22} {kept}")
        finally:
            full_precision.DEVICES = devices
        try:
            check_settings(model, {"precision": "bf16-mixed"})
        except InputError:
            refused += 1
    lines = [f"{'model':24} {'bfloat16 let through':22} as it is, under autocast", *rows]
    lines.append(f"--trainer.precision bf16-mixed is refused by {refused} of {len(kinds)} models")
    print("\n".join(lines))
    OUT.write_text("\n".join(lines) + "\n", encoding="utf-8")
