"""What a subclass takes over of a system that it changes: no name, and nothing that was known of its parent alone."""

from __future__ import annotations

import inspect

#: facts about one Hamiltonian: known values, the identity that its virial theorem is, its energy in plane waves
FACTS = ("references", "virial", "plane_wave_potential")
#: what may differ without changing the Hamiltonian, or follows from its arguments
HARMLESS = {"initial", "length", "spread", "energy_scale", "thermal_width", "label", "symmetries", "continuous"}


def forget(cls: type, family: type) -> None:
    """Give a new subclass the `label` and the facts of its family where its parent's do not hold for it.

    A name is that of the one class that defines it. Facts are inherited unless something that they rest on was
    changed: any method or attribute of the class that states them, or its arguments. What an abstract class or a mixin
    states is meant for those who inherit it.
    """
    if stated_by(cls, "label", family) not in (None, cls, family):
        setattr(cls, "label", family.__dict__["label"])  # noqa: B010 a class without annotations of its own
    for fact in FACTS:
        owner = stated_by(cls, fact, family)
        if owner is not None and owner is not cls and not owner.__dict__.get("abstract") and differs(cls, owner):
            setattr(cls, fact, next(c for c in reversed(cls.__mro__) if fact in c.__dict__).__dict__[fact])


def stated_by(cls: type, name: str, family: type) -> type | None:
    """Return the system class from which `cls` has `name`, None where it has none or has it from a mixin."""
    owner = next((c for c in cls.__mro__ if name in c.__dict__), None)
    return owner if owner is not None and issubclass(owner, family) else None


def differs(cls: type, owner: type) -> bool:
    """Return whether `cls` changes what `owner` defines, or takes arguments that it does not know."""
    below = cls.__mro__[: cls.__mro__.index(owner)]
    changed = {name for c in below for name in c.__dict__ if not name.startswith("__")}
    known = arguments_of(owner)
    if any(hasattr(owner, name) or name in known for name in changed - HARMLESS - set(FACTS)):
        return True
    return bool(arguments_of(cls) - known)


def arguments_of(cls: type) -> set[str]:
    """Return the names of the constructor's arguments, those handed on as `**kwargs` left out."""
    parameters = inspect.signature(getattr(cls, "__init__")).parameters.values()  # noqa: B009 unsound of instances only
    return {p.name for p in parameters if p.kind is not p.VAR_KEYWORD}
