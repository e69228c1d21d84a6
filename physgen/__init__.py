"""physgen: a PyTorch Lightning model zoo for generative physics."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["list_pretrained", "load_pretrained", "models", "samplers", "systems"]

if TYPE_CHECKING:
    from physgen import models, samplers, systems
    from physgen.zoo.pretrained import list_pretrained, load_pretrained


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: `import physgen` alone does not wait for torch."""
    if name in ("load_pretrained", "list_pretrained"):
        return getattr(importlib.import_module("physgen.zoo.pretrained"), name)
    if name in ("models", "samplers", "systems"):
        return importlib.import_module(f"physgen.{name}")
    raise AttributeError(f"module 'physgen' has no attribute {name!r}")
