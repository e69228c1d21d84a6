"""A list of modules that says what it holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Generic, TypeVar, overload

from torch import nn

Part = TypeVar("Part", bound=nn.Module)


class Parts(nn.ModuleList, Generic[Part]):
    """A `torch.nn.ModuleList` of modules of one kind; readers and type checkers see which.

    Args:
        parts: the modules.
    """

    def __init__(self, parts: Iterable[Part] = ()) -> None:
        super().__init__(parts)

    if TYPE_CHECKING:

        def __iter__(self) -> Iterator[Part]:
            """Go through the modules."""

        @overload
        def __getitem__(self, index: slice) -> Parts[Part]: ...
        @overload
        def __getitem__(self, index: int) -> Part: ...
        def __getitem__(self, index: int | slice) -> Part | Parts[Part]:
            """Return a module, or a list of some."""
