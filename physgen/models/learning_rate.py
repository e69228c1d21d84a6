"""A learning rate that is set after the optimiser was made."""

from __future__ import annotations

from typing import Any

from torch.optim.lr_scheduler import LambdaLR


def follow_learning_rate(model: Any) -> None:
    """Let optimiser, schedule and record follow a `learning_rate` that was set after the optimiser was made."""
    made = model.init_args.get("learning_rate")
    if made is None or model.learning_rate == made:
        return
    model.learning_rate = model.init_args["learning_rate"] = float(model.learning_rate)
    schedules = [c.scheduler for c in model.trainer.lr_scheduler_configs if isinstance(c.scheduler, LambdaLR)]
    for schedule in schedules:
        schedule.base_lrs = [model.learning_rate if rate == made else rate for rate in schedule.base_lrs]
        groups = zip(schedule.optimizer.param_groups, schedule.base_lrs, schedule.lr_lambdas, strict=True)
        for group, base, factor in groups:
            group["initial_lr"], group["lr"] = base, base * factor(schedule.last_epoch)
