"""The state of Lightning's loops in a checkpoint, made such that a training goes on with its next iteration."""

from __future__ import annotations

from typing import Any

COUNTS = ("ready", "started", "processed", "completed")


def mended(fit_loop: dict[str, Any]) -> dict[str, Any]:
    """Return the state of a fit loop from which Lightning continues with the iteration after the last whole one.

    Lightning counts an epoch that was broken off (`max_steps`, `max_time`, `should_stop`) as done and skips the rest of
    the next one, and with `max_steps` it does so after whole epochs too (pytorch-lightning #19617). Here an epoch is
    done when all its batches are, a broken one goes on where it was left, and a whole one is followed by a new one.
    """
    state = {**fit_loop}
    batch = {k: {**v} if isinstance(v, dict) else v for k, v in state["epoch_loop.batch_progress"].items()}
    epoch = {k: {**v} for k, v in state["epoch_progress"].items()}
    if batch["total"]["completed"] < batch["total"]["processed"]:  # kept in a hook at the end of a batch
        for part in ("total", "current"):
            batch[part]["completed"] = batch[part]["processed"]
        own = state["epoch_loop.state_dict"]
        state["epoch_loop.state_dict"] = {**own, "_batches_that_stepped": own.get("_batches_that_stepped", 0) + 1}
    broken = 0 < batch["current"]["completed"] and not batch["is_last_batch"]
    for count in epoch.values():
        begun = count["started"]
        count.update(ready=begun, processed=begun - broken, completed=begun - broken)
    if not broken:
        batch["current"] = dict.fromkeys(COUNTS, 0)
        batch["is_last_batch"] = False
        for name in ("epoch_loop.scheduler_progress", "epoch_loop.automatic_optimization.optim_progress"):
            state[name] = without_current(state[name])
    state["epoch_loop.batch_progress"], state["epoch_progress"] = batch, epoch
    return state


def without_current(progress: dict[str, Any]) -> dict[str, Any]:
    """Return the state of a counter, or of counters in it, at the begin of an epoch."""
    return {
        k: dict.fromkeys(v, 0) if k == "current" else without_current(v) if isinstance(v, dict) else v
        for k, v in progress.items()
    }
