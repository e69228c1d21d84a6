"""A YAML config as a user wrote it, looked at before the parser sees it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from physgen.core.errors import InputError, check
from physgen.core.paths import user_path
from physgen.core.small_file import check_size, read_small

#: arguments of a config that hold others
GROUPS = ("trainer", "model", "evaluation", "guard", "dmc")
#: bytes of a config at most
LARGEST = 200_000
#: aliases of a config with merge keys at most; each could double what is merged
MOST_MERGED = 16


def read_config(path: str | Path, alone: bool = False) -> dict[str, Any]:
    """Return the contents of a config; errors name places and kinds, and quote nothing of what may be another file.

    Args:
        path: the file.
        alone: whether nothing else completes it, so that model, system and sampler must name their classes.

    Raises:
        InputError: no such file, no YAML (where it breaks is said), or something else than a mapping of arguments.
    """
    try:
        text = read_small(user_path(path, "config"), LARGEST)
        if "<<" in text and text.count("*") > MOST_MERGED:
            raise ValueError(f"more than {MOST_MERGED} aliases beside merge keys")
        content = yaml.safe_load(text)
        check_size(content)
    except OSError as error:
        raise InputError(f"config {path} cannot be read: {error.strerror or error}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = "" if mark is None else f", line {mark.line + 1}, column {mark.column + 1}"
        problem = re.sub(r"'[^']*'|\"[^\"]*\"", "...", str(getattr(error, "problem", None) or error))
        raise InputError(f"config {path} is no YAML{place}: {problem}") from None
    content = {} if content is None else content
    check(isinstance(content, dict), f"config {path}", kind_of(content), "a mapping of arguments")
    nested = content.get("config") is None
    check(nested, f"config in config {path}", kind_of(content.get("config")), "left out: each file by a --config")
    for group in GROUPS:
        held = content.get(group, {})
        named = held is None or isinstance(held, dict) or (group == "model" and isinstance(held, str))
        check(named, f"{group} in config {path}", kind_of(held), "a mapping of arguments")
    if alone and isinstance(content.get("model"), dict):
        require_class(content, "model", path)
        arguments = content["model"].get("init_args") or {}
        check(isinstance(arguments, dict), f"model.init_args in config {path}", kind_of(arguments), "a mapping")
        for name in ("system", "sampler"):
            require_class(arguments, name, path)
    return content


def require_class(arguments: dict[str, Any], name: str, path: str | Path) -> None:
    """Raise `InputError` unless the argument `name`, if it is given, names its class."""
    held = arguments.get(name)
    spec = held.get("class_path") if isinstance(held, dict) else held
    allowed = "a name or {class_path, init_args}"
    check(spec is None and held is None or isinstance(spec, str), f"{name} in config {path}", kind_of(held), allowed)


def kind_of(value: Any) -> str:
    """Return what a value is, a number or a truth value itself."""
    if value is None or isinstance(value, (bool, int, float)):
        return str(value)
    words: dict[type, str] = {str: "a text", list: "a list", dict: "a mapping"}
    return words.get(type(value), f"a {type(value).__name__}")
