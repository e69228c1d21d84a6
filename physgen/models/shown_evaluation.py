"""A progress bar of an evaluation without a trainer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def evaluation_bar(batches: int, shown: bool | None) -> Iterator[Callable[[int], bool]]:
    """Hand out what is told after every batch how many are done; the bar goes away at the end.

    Args:
        batches: the most that there can be.
        shown: whether there is a bar; None for where somebody looks, a terminal or a notebook.
    """
    console = Console(stderr=True)
    seen = (console.is_terminal or console.is_jupyter) if shown is None else shown
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not seen) as progress:
        task = progress.add_task("warm-up of fresh draws", total=batches)

        def told(done: int) -> bool:
            progress.update(task, description="batches measured", completed=done)
            return True

        yield told
