"""Trainings stopped within an epoch by max_steps, max_time, SIGTERM and Ctrl-C, and continued.

    python -m benchmarks stops [TRIALS] [SEED]

They must make exactly the iterations of an uninterrupted one: weights, optimiser, walkers, generator, guard, the rows
of metrics.csv and the result are equal bit for bit.
"""

from __future__ import annotations

import random
import signal
from pathlib import Path

from benchmarks.checks.trials import (
    EPOCHS,
    MODELS,
    STEPS,
    kill_after,
    reached,
    report,
    train,
    unlike,
    whole_runs,
)

TRIALS = 20
KINDS = ("max_steps", "max_time", "SIGTERM", "SIGINT")


def stop(kind: str, model: str, folder: Path, seconds: float) -> tuple[int, bool]:
    """Stop a training in one of the ways; return the iteration that was kept, and whether it ended as it should."""
    if kind == "max_steps":
        wanted = random.randrange(reached(folder) + 1, EPOCHS * STEPS)
        code, _ = train(model, folder, f"--trainer.max_steps {wanted}")
        return reached(folder), code == 0 and reached(folder) == wanted
    moment = random.uniform(0.1, 0.9) * seconds
    if kind == "max_time":
        code, _ = train(model, folder, f'--trainer.max_time {{"milliseconds":{max(1, int(1000 * moment))}}}')
        return reached(folder), code == 0
    number = signal.Signals[kind]
    return reached(folder), kill_after(model, folder, moment, number) in (0, 128 + number)


def main(trials: int = TRIALS, seed: int = 1) -> int:
    """Run the trials; return how many differ."""
    random.seed(seed)
    place, seconds = whole_runs()
    lines, equal, within = [], 0, 0
    for index in range(trials):
        model, kind = list(MODELS)[index % len(MODELS)], KINDS[index // 2 % len(KINDS)]
        folder, kept, sound = place / f"stopped-{index}", [], True
        for _ in range(1 + (index % 3 == 0)):
            if reached(folder) < EPOCHS * STEPS - 1:
                ended = stop(kind, model, folder, seconds[model])[1]
                kept.append(reached(folder))
                sound = sound and ended
        within += any(step % STEPS for step in kept)
        code, said = train(model, folder)
        places = unlike(place / f"whole-{model}", folder) if code == 0 else [f"exit code {code}: {said[-300:]}"]
        good = sound and not places
        equal += good
        words = f"{model} stopped by {kind} at iteration {' and '.join(map(str, kept))}: "
        lines.append(words + ("equal" if good else f"DIFFERENT: {places[:4]} {'' if sound else 'wrong end'}"))
        print(lines[-1], flush=True)
    end = f"{equal} of {trials} equal to {EPOCHS} x {STEPS} iterations at once; {within} stopped within an epoch"
    print(end)
    report("stops", [*lines, end], trials >= TRIALS)
    return trials - equal
