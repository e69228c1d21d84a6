"""The classes that a file names: looked up among those that are known, before any parser could import them."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Mapping
from typing import Any

from physgen.core.errors import InputError, check
from physgen.core.registry import Registered

#: how deep recipes may nest
DEEPEST = 30


def known(value: Any, family: type[Registered] | None = None, name: str = "", exact: bool = False) -> Any:
    """Return what a file says of a class with the dotted paths of the registered classes that it means.

    Wherever a `class_path` stands, to any depth, and wherever a string stands for a class, the class is looked up by
    the last part of its path; nothing is imported.

    Args:
        value: a name, `{class_path, init_args}`, arguments, or lists of these.
        family: what a string there stands for, such as `System`; None where a string is a plain value.
        name: where it stands, for errors.
        exact: whether a path must also be that of the class, since the file itself is parsed.

    Raises:
        InputError: a class that is not known, a path of another module, arguments that are no mapping.
    """
    check(name.count(".") < DEEPEST, "recipe", "a deeper one", f"nested at most {DEEPEST} deep")
    if isinstance(value, str) and family is not None:
        return path_of(looked_up(value, family, name, exact))
    if isinstance(value, (list, tuple)):
        return [known(v, family, f"{name}.{i}", exact) for i, v in enumerate(value)]
    if not isinstance(value, Mapping):
        return value
    kind: Any = None
    made: dict[str, Any] = {}
    if "class_path" in value:
        kind = looked_up(value["class_path"], family, name, exact)
        arguments = value.get("init_args")
        allowed = f"a mapping of the arguments of {kind.__name__}"
        sound = arguments is None or isinstance(arguments, Mapping)
        check(sound, f"{name}.init_args", type(arguments).__name__, allowed)
        made["class_path"] = path_of(kind)
    families, opaque = of_arguments(kind), opaque_arguments(kind)
    for key, held in value.items():
        if key == "class_path":
            continue
        check(isinstance(key, str) and "." not in key, f"{name}: key", key, "one word, arguments nest")
        if key in ("init_args", "dict_kwargs") and isinstance(held, Mapping):
            for k, v in held.items():
                word = isinstance(k, str) and "." not in k  # the parser takes dots for nested arguments
                check(word, f"{name}: key", k, "one word, arguments nest")
                check(k not in opaque or v is None, f"{name}.{k}", type(v).__name__, "left out, a file cannot say it")
            made[key] = {k: known(v, families.get(plain_key(k)), f"{name}.{k}", exact) for k, v in held.items()}
        else:
            made[key] = known(held, families.get(plain_key(key)), f"{name}.{key}", exact)
    return made


def plain_key(key: Any) -> str:
    """Return a key without the sign by which the parser appends to a list."""
    return str(key).removesuffix("+")


def looked_up(path: Any, family: type[Registered] | None, name: str, exact: bool) -> type[Registered]:
    """Return the registered class that `path` means.

    Raises:
        InputError: it is not known, or by its path a class of another module.
    """
    where = name or "recipe"
    check(isinstance(path, str), f"class_path of {where}", type(path).__name__, "the name of a class")
    if family is None:
        last = path.rpartition(".")[2]
        holders = [f for f in Registered.__subclasses__() if last in f.registry]
        check(bool(holders), f"class_path of {where}", path, "that of a known model, system or sampler")
        family = holders[0]
    kind = family.lookup(path)
    module = path.rpartition(".")[0]
    if exact and module and module.split(".")[0] != "physgen" and path != path_of(kind):
        raise InputError(f"{family.family()} {path} is not known, only {path_of(kind)}")
    return kind


def path_of(kind: type) -> str:
    """Return the dotted path of a class."""
    return f"{kind.__module__}.{kind.__qualname__}"


def of_arguments(kind: type[Registered] | None) -> dict[str, type[Registered]]:
    """Return the families of the arguments that take registered objects: those of `kind`, or of all known classes."""
    if kind is None:
        everything = [k for family in Registered.__subclasses__() for k in family.registry.values()]
        return {name: family for k in everything for name, family in of_arguments(k).items()}
    found: dict[str, type[Registered]] = {}
    for base in reversed(kind.__mro__):
        if "__init__" not in base.__dict__ or not issubclass(base, Registered):
            continue
        hints = annotations_of(base.__init__)
        for name in inspect.signature(base.__init__).parameters:
            families = [f for f in Registered.__subclasses__() if names_family(hints.get(name), f)]
            if families:
                found[name] = families[0]
    return found


def opaque_arguments(kind: type[Registered] | None) -> set[str]:
    """Return the arguments of `kind` that take functions or classes, whose names a parser would import."""
    if kind is None:
        return set()
    hints = [annotations_of(base.__dict__["__init__"]) for base in kind.__mro__ if "__init__" in base.__dict__]
    return {name for held in hints for name, annotation in held.items() if is_opaque(annotation)}


def is_opaque(annotation: Any) -> bool:
    """Return whether an annotation allows a function or a class."""
    if isinstance(annotation, str):
        return bool(re.search(r"\b(Callable|[Tt]ype)\b", annotation))
    if annotation in (type, Callable) or typing.get_origin(annotation) in (type, Callable):
        return True
    return any(is_opaque(part) for part in typing.get_args(annotation) if not isinstance(part, list))


def annotations_of(function: Any) -> dict[str, Any]:
    """Return the annotations of a function, as text where they name what only type checkers know."""
    try:
        return typing.get_type_hints(function)
    except Exception:  # a user's annotation may raise anything
        return dict(getattr(function, "__annotations__", {}))


def names_family(annotation: Any, family: type[Registered]) -> bool:
    """Return whether an annotation allows an object of `family`."""
    if isinstance(annotation, str):
        return any(word == family.__name__ or word in family.registry for word in re.findall(r"\w+", annotation))
    if inspect.isclass(annotation) and issubclass(annotation, family):
        return True
    return any(names_family(part, family) for part in typing.get_args(annotation))
