"""What a training or an evaluation of draws iterates over: a clock instead of data."""

from __future__ import annotations

from collections.abc import Iterator


class Clock:
    """Iterable of steps that can be told to stop: `len` is the most there can be."""

    def __init__(self, steps: int) -> None:
        self.steps, self.stopped = steps, False

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Iterator[int]:
        self.stopped = False
        for step in range(self.steps):
            if self.stopped:
                return
            yield step

    def state_dict(self) -> dict[str, int]:
        """Return nothing: Lightning counts the steps, and knows by this method that a clock can be resumed."""
        return {}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Take over nothing."""
