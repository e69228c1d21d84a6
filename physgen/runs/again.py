"""The command that repeats a training."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from physgen.core.paths import command


def own_modules(recipe: Any) -> list[str]:
    """Return the modules of a user's own classes in a recipe `{class_path, init_args}`, which `--import` must name."""
    if not isinstance(recipe, Mapping):
        return [name for part in recipe for name in own_modules(part)] if isinstance(recipe, list) else []
    module = str(recipe.get("class_path", "")).rpartition(".")[0]
    own = [module] if module and module.split(".")[0] not in ("physgen", "__main__") else []
    return list(dict.fromkeys(own + own_modules(list(recipe.values()))))


def training_again(config: str | os.PathLike[str], recipe: Any) -> str:
    """Return the command that trains the model of a recipe anew by its config."""
    return command("fit", "--config", config, *(f"--import={module}" for module in own_modules(recipe)))
