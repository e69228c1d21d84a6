"""`test ENTRY --at omega=0.1,0.37`: members of a family, evaluated one after the other."""

from __future__ import annotations

from typing import Any, ClassVar

from physgen.cli.session import TrainingCLI
from physgen.cli.words import taken
from physgen.core.errors import InputError, check
from physgen.models import Model

#: what members are named by
ARGUMENT = "omega"


class MemberCLI(TrainingCLI):
    """`test` and `predict` of one member of a family."""

    #: its argument
    value: ClassVar[float]

    def instantiate_trainer(self, **kwargs: Any) -> Any:
        """Return the trainer of the member, by which the other options are judged.

        Raises:
            InputError: the model is no family.
        """
        self.model = self.member(self.model)
        return super().instantiate_trainer(**kwargs)

    def loaded(self) -> Model:
        """Return the member, to be evaluated as the command line says."""
        family = super().loaded()
        member = self.member(family)
        member.evaluation = family.evaluation
        return member

    def member(self, family: Any) -> Model:
        """Return the member of a family.

        Raises:
            InputError: the model is none.
        """
        at: Any = getattr(family, "at", None)
        check(at is not None, "at", self.value, f"left out: {type(family).__name__} is no family")
        found: Model = at(omega=self.value)
        return found


def member_of(value: float) -> type[TrainingCLI]:
    """Return the command line of one member."""
    return type("MemberCLI", (MemberCLI,), {"value": value})


def asked(arguments: list[str]) -> tuple[list[str], list[float]]:
    """Return the arguments without `--at`, and the values that it names, none without it.

    Raises:
        InputError: `--at` without `omega=` and numbers.
    """
    values, rest = taken(arguments, "--at")
    return rest, [number for value in values for number in numbers(value)]


def numbers(text: str) -> list[float]:
    """Return the numbers of `omega=0.1,0.37`."""
    name, _, values = text.partition("=")
    try:
        found = [float(value) for value in values.split(",")]
    except ValueError:
        found = []
    if name != ARGUMENT or not found:
        raise InputError(f"at must be {ARGUMENT}=NUMBER, or several after commas, got {text[:80]!r}")
    return found
