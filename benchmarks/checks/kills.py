"""Trainings killed by SIGKILL at random moments, some again while they continue, against uninterrupted ones.

    python -m benchmarks kills [TRIALS] [SEED]

The run folder lies on another file system than TMPDIR where there is one. Weights, optimiser, walkers, generator and
guard of the last checkpoint must be equal bit for bit, and so must the rows of metrics.csv and the result.
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from benchmarks.checks.trials import MODELS, kill_after, reached, report, train, unlike, whole_runs

TRIALS = 50


def trial(model: str, folder: Path, whole: Path, seconds: float, again: bool) -> tuple[bool, str]:
    """Kill a training, and its continuation if `again`, continue to the end; return whether it is equal, and words."""
    moments = []
    for _ in range(1 + again):
        moment = random.uniform(0, 1) * seconds
        code = kill_after(model, folder, moment)
        moments.append(f"{moment / seconds:.2f} (iteration {reached(folder)} kept{', ended' if code == 0 else ''})")
    code, said = train(model, folder)
    places = unlike(whole, folder) if code == 0 else [f"exit code {code}: {said[-300:]}"]
    left = [p.name for p in folder.rglob("*.part")] + [p.name for p in folder.glob("checkpoints/*")][1:]
    verdict = "equal" if not places + left else f"DIFFERENT: {places[:4]} {left}"
    return not places + left, f"{model} killed at {' and '.join(moments)} of its time: {verdict}"


def main(trials: int = TRIALS, seed: int = 1) -> int:
    """Run the trials; return how many differ."""
    random.seed(seed)
    place, seconds = whole_runs()
    lines, equal, kills = [f"run folder in {place.parent}, TMPDIR {tempfile.gettempdir()}"], 0, 0
    for index in range(trials):
        model, again = list(MODELS)[index % len(MODELS)], index % 4 > 1
        good, words = trial(model, place / f"killed-{index}", place / f"whole-{model}", seconds[model], again)
        equal, kills = equal + good, kills + 1 + again
        lines.append(words)
        print(words, flush=True)
    lines.append(f"{equal} of {trials} equal, {kills} kills, {kills - trials} of them of a training that continued")
    print(lines[-1])
    report("kills", lines, trials >= TRIALS)
    return trials - equal
