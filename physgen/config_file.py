"""A YAML config as a user wrote it, looked at before the parser sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from physgen.errors import InputError, check

#: arguments of a config that hold others
GROUPS = ("trainer", "model", "evaluation", "guard", "dmc")


def read_config(path: str | Path, alone: bool = False) -> dict[str, Any]:
    """Return the contents of a config.

    Args:
        path: the file.
        alone: whether nothing else completes it, so that model, system and sampler must name their classes.

    Raises:
        InputError: no such file, no YAML (where it breaks is said), or something else than a mapping of arguments.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"config {path} cannot be read: {error.strerror or error}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = "" if mark is None else f", line {mark.line + 1}, column {mark.column + 1}"
        raise InputError(f"config {path} is no YAML{place}: {getattr(error, 'problem', None) or error}") from None
    content = {} if content is None else content
    check(isinstance(content, dict), f"config {path}", shortened(content), "a mapping of arguments")
    for group in GROUPS:
        held = content.get(group, {})
        named = held is None or isinstance(held, dict) or (group == "model" and isinstance(held, str))
        check(named, f"{group} in config {path}", shortened(held), "a mapping of arguments")
    if alone and isinstance(content.get("model"), dict):
        require_class(content, "model", path)
        arguments = content["model"].get("init_args") or {}
        check(isinstance(arguments, dict), f"model.init_args in config {path}", shortened(arguments), "a mapping")
        for name in ("system", "sampler"):
            require_class(arguments, name, path)
    return content


def require_class(arguments: dict[str, Any], name: str, path: str | Path) -> None:
    """Raise `InputError` unless the argument `name`, if it is given, names its class."""
    held = arguments.get(name)
    spec = held.get("class_path") if isinstance(held, dict) else held
    allowed = "a name or {class_path, init_args}"
    check(spec is None and held is None or isinstance(spec, str), f"{name} in config {path}", shortened(held), allowed)


def shortened(value: Any) -> str:
    """Return a value as text of at most 60 letters."""
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
