"""Registry of classes by their own name, filled by `__init_subclass__`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any, ClassVar, Self

import numpy as np

from physgen.core.errors import InputError, check_choice, is_real, said, scalar

#: whether objects are rebuilt from a file, whose recipe holds every argument, also those that nobody chose
REBUILDING: ContextVar[bool] = ContextVar("rebuilding", default=False)


@contextmanager
def rebuilding() -> Iterator[None]:
    """Let objects take all arguments of a recorded recipe, also those without an effect."""
    token = REBUILDING.set(True)
    try:
        yield
    finally:
        REBUILDING.reset(token)


class Registered:
    """Base of classes that are found by name: the class name is the CLI name and the zoo name.

    A direct subclass opens a family (`System`, `Model`); every concrete class below it is entered in
    `family.registry`. A second class of the same name from another module is refused. Classes that say
    `abstract = True`, or with a leading underscore in their name, are not entered. The constructor's arguments are
    plain values or registered objects; they are kept in `init_args`, an integer given for a float as a float.
    """

    init_args: dict[str, Any]
    #: whether it was rebuilt from a file
    rebuilt: bool
    registry: ClassVar[dict[str, type]]
    #: arguments that recipes of older files lack, with what was true of all their objects
    older: ClassVar[Mapping[str, Any]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in cls.__dict__:
            setattr(cls, "__init__", recorded(cls.__dict__["__init__"]))  # noqa: B010 a type checker knows no other way
        if Registered in cls.__bases__:
            cls.registry = {}
            return
        if cls.__name__.startswith("_") or cls.__dict__.get("abstract", False):
            return
        held = cls.registry.get(cls.__name__)
        if held is not None and (held.__module__, held.__qualname__) != (cls.__module__, cls.__qualname__):
            raise InputError(f"class {cls.__name__} of {cls.__module__} is already registered by {held.__module__}")
        cls.registry[cls.__name__] = cls

    @classmethod
    def lookup(cls, name: str, argument: str | None = None) -> type:
        """Return the registered class `name` (a dotted path counts by its last part).

        Raises:
            InputError: the name is not registered; near names are suggested, and how to import a class of one's own.
        """
        module, _, last = name.rpartition(".")
        try:
            return cls.registry[check_choice(argument or cls.family(), last, sorted(cls.registry))]
        except InputError as error:
            if not module or module.split(".")[0] == "physgen":
                raise
            own = f"a class of your own is known once its module was imported, by --import {module} on the command line"
            raise InputError(f"{error}; {own}") from None

    def spec(self) -> dict[str, Any]:
        """Return `{class_path, init_args}` of plain values, the form kept in configs and checkpoints."""
        arguments = {name: plain(value) for name, value in self.init_args.items()}
        return {"class_path": f"{type(self).__module__}.{type(self).__qualname__}", "init_args": arguments}

    @classmethod
    def of(cls, value: Registered | Mapping[str, Any] | str, argument: str | None = None) -> Self:
        """Return the object that `value` is, describes (`{class_path, init_args}`) or names.

        Args:
            value: what was given.
            argument: what errors call it, the family's name unless given.

        Raises:
            InputError: not registered, or arguments that the class does not take.
        """
        if isinstance(value, cls):
            return value
        name = argument or cls.family()
        spec: Any = {"class_path": value} if isinstance(value, str) else value
        if not isinstance(spec, Mapping) or not isinstance(spec.get("class_path"), str):
            allowed = f"a {cls.family()}, its name or {{class_path, init_args}}"
            raise InputError(f"{name} must be {allowed}, got {said(value)}")
        kind: Any = cls.lookup(spec["class_path"], name)
        arguments = {**(kind.older if REBUILDING.get() else {}), **(spec.get("init_args") or {})}
        try:
            made: Self = kind(**arguments)
            return made
        except TypeError as error:
            raise InputError(f"{name}.init_args does not fit {kind.__name__}: {error}") from None

    def without_effect(self) -> dict[str, str]:
        """Return arguments that have no effect beside the others, each with the reason, such as `with optimizer adam`.

        Where one was given another value than its default, the constructor raises `InputError`; objects that are
        rebuilt from a file take it as it is.
        """
        return {}

    def complete(self) -> None:
        """Add what follows from what the constructors of all classes set; runs once, after the last of them."""

    @classmethod
    def default(cls, name: str) -> Any:
        """Return the default of an argument of the constructor, or of those that it hands arguments on to."""
        for kind in cls.__mro__:
            if "__init__" in kind.__dict__ and name in inspect.signature(kind.__dict__["__init__"]).parameters:
                return inspect.signature(kind.__dict__["__init__"]).parameters[name].default
        return inspect.Parameter.empty

    @classmethod
    def being_made(cls) -> AbstractContextManager[Any]:
        """Return what is held while an object is made, such as a limit on its size."""
        return nullcontext()

    @classmethod
    def family(cls) -> str:
        """Return the family's name in lower case: `system`, `model`."""
        return next(c for c in cls.__mro__ if Registered in c.__bases__).__name__.lower()


def recorded(init: Any) -> Any:
    """Decorate an `__init__` so that its arguments, defaults included, are left in `self.init_args` as plain values.

    The outermost call decides; arguments that it hands on as `**kwargs` are completed with the defaults of the base.
    An integer given for a `float` is kept as a float, so that equal systems have equal records.
    """
    signature = inspect.signature(init)
    parameters = list(signature.parameters.values())[1:]
    open_ended = next((p.name for p in parameters if p.kind is p.VAR_KEYWORD), None)
    floats = {p.name for p in parameters if str(p.annotation) in ("float", "<class 'float'>", "float | None")}

    @functools.wraps(init)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> None:
        args, kwargs = python_values(args), {name: python_values(value) for name, value in kwargs.items()}
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        given = dict(list(bound.arguments.items())[1:])
        given.update(given.pop(open_ended, {}) if open_ended else {})
        for name in floats & given.keys():
            if isinstance(given[name], int) and is_real(given[name]):
                given[name] = float(given[name])
        outermost = "init_args" not in self.__dict__
        if outermost:
            self.__dict__["init_args"] = given
            self.__dict__["_open_ended"] = open_ended is not None
            self.__dict__["rebuilt"] = REBUILDING.get()
        elif self._open_ended:
            canonical = {k: given[k] for k in floats & given.keys() & self.init_args.keys() if given[k] is not None}
            self.__dict__["init_args"] = {**given, **self.init_args, **canonical}
        with self.being_made() if outermost else nullcontext():
            init(self, *args, **kwargs)
        if outermost:
            self.complete()
            self.__dict__["_made"] = True
        if outermost and not REBUILDING.get():
            refuse_without_effect(self)

    return wrapper


def python_values(value: Any) -> Any:
    """Return numbers and texts of NumPy or PyTorch as Python's own, also those in lists, tuples and arrays."""
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        return type(value)(map(python_values, value))
    if isinstance(value, np.ndarray) and value.ndim == 1:
        return value.tolist()
    return scalar(value)


def refuse_without_effect(built: Registered) -> None:
    """Raise `InputError` for an argument that was given another value than its default and has no effect."""
    for name, reason in built.without_effect().items():
        value = built.init_args.get(name)
        if name in built.init_args and plain(value) != plain(built.default(name)):
            raise InputError(f"{name} has no effect {reason}, got {plain(value)!r}")


def plain(value: Any) -> Any:
    """Return `value` with registered objects as their specs and tuples as lists."""
    if isinstance(value, Registered):
        return value.spec()
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value
