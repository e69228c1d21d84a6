"""Keys of weights that files know: parts of a network keep the names that their weights had before."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from torch import nn


def keep_keys(module: nn.Module, known: Mapping[str, str]) -> None:
    """Let `state_dict` write, and `load_state_dict` read, the weights of parts under other names.

    Args:
        module: what the parts belong to.
        known: name in a file by name in the module, of a weight or of all that lies below a part.
    """
    module.register_state_dict_post_hook(partial(_renamed, dict(known)))
    module.register_load_state_dict_pre_hook(partial(_renamed, {old: new for new, old in known.items()}))


def _renamed(names: dict[str, str], module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    for key in list(state):
        if not key.startswith(prefix):
            continue
        rest = key[len(prefix) :]
        for name, other in names.items():
            if rest == name or rest.startswith(f"{name}."):
                state[prefix + other + rest[len(name) :]] = state.pop(key)
                break
