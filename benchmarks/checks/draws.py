"""Call `sample` again and again on every pretrained entry: all draws differ, and `torch.manual_seed` repeats them.

    python -m benchmarks draws

Chains of wavefunctions are shortened: whether draws are fresh does not depend on how long they equilibrate.
"""

from __future__ import annotations

import time

import torch

from benchmarks.places import RESULTS
from physgen.models import Model, WavefunctionModel
from physgen.zoo.pretrained import list_pretrained, load_pretrained

CALLS, DRAWS = 50, 2
RESULT = RESULTS / "draws.txt"


def drawn(model: Model, seed: int, calls: int) -> torch.Tensor:
    """Return the draws `(calls * DRAWS, n dim)` of `calls` calls after the global seed was set once."""
    torch.manual_seed(seed)
    found = [model.sample(DRAWS) for _ in range(calls)]
    return torch.cat([x if isinstance(model, WavefunctionModel) else x[0] for x in found]).flatten(1)


def fault(model: Model) -> str | None:
    """Return what is wrong with the draws of a model, None if nothing is."""
    if isinstance(model, WavefunctionModel):
        model.sampler.init_args.update(warm_up_steps=2, steps=1)
    x = drawn(model, 1, CALLS)
    distinct = len(x.unique(dim=0))
    if not bool(x.isfinite().all()):
        return "draws that are not finite"
    if distinct < len(x):
        return f"{distinct} distinct draws of {len(x)}"
    if not torch.equal(drawn(model, 1, 2), x[: 2 * DRAWS]):
        return "the same global seed gives other draws"
    return "another global seed gives the same draws" if torch.equal(drawn(model, 2, 1), x[:DRAWS]) else None


def main() -> int:
    """Draw from every entry, write the summary and return how many failed."""
    start, names = time.perf_counter(), list_pretrained()
    failed = 0
    for name in names:
        wrong = fault(load_pretrained(name))
        failed += wrong is not None
        print(f"{name}: {wrong or 'all distinct'}", flush=True)
    line = (
        f"{len(names)} entries, {CALLS} calls of sample({DRAWS}) each: all draws distinct and repeated by the global "
        f"seed in {len(names) - failed}, {failed} wrong"
    )
    print(f"{line}, {time.perf_counter() - start:.0f} s")
    RESULT.write_text(line + "\n", encoding="utf-8")
    return failed
