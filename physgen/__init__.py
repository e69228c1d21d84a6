"""physgen: a PyTorch Lightning model zoo for generative physics."""

from __future__ import annotations

import sys

from physgen.core.version import __version__

TYPE_CHECKING = False  # with the module `typing` a file of that name in the current folder could come in

__all__ = ["__version__", "fit", "list_pretrained", "load_pretrained", "models", "samplers", "systems"]

#: where the functions of the package lie
FUNCTIONS = {"fit": "zoo.fit", "list_pretrained": "zoo.pretrained", "load_pretrained": "zoo.pretrained"}

if TYPE_CHECKING:
    from typing import Any

    from physgen import models, samplers, systems
    from physgen.zoo.fit import fit
    from physgen.zoo.pretrained import list_pretrained, load_pretrained


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for: `import physgen` alone does not wait for torch."""
    if name in FUNCTIONS:
        return getattr(_loaded(f"physgen.{FUNCTIONS[name]}"), name)
    if name in ("models", "samplers", "systems"):
        return _loaded(f"physgen.{name}")
    raise AttributeError(f"module 'physgen' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the public names, for tab completion."""
    return list(__all__)


def _loaded(name: str) -> Any:
    """Return a module of the package, imported now."""
    __import__(name)
    return sys.modules[name]
