"""The name that a user meant who wrote another one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

#: what other programs call it, and what it is called here
MEANT = {
    **{"lr": "learning_rate", "epochs": "max_epochs", "iterations": "steps_per_epoch", "seed": "seed_everything"},
    **{"gpus": "devices", "num_gpus": "devices", "device": "accelerator", "gpu": "accelerator", "batch": "batch_size"},
    **{"output": "run_folder", "out": "run_folder", "folder": "run_folder", "output_dir": "run_folder"},
    **{"checkpoint": "ckpt_path", "ckpt": "ckpt_path", "resume": "ckpt_path", "resume_from": "ckpt_path"},
    **{"particles": "n", "electrons": "n", "dimension": "dim", "frequency": "omega", "num_samples": "samples"},
    **{"width": "hidden", "units": "hidden", "layers": "hidden", "plot": "figures", "plots": "figures"},
}
#: the same for verbs
MEANT_VERBS = {
    **dict.fromkeys(("train", "training", "run", "optimize", "optimise", "learn", "continue", "resume"), "fit"),
    **dict.fromkeys(("validate", "evaluate", "eval", "val", "measure", "observe"), "test"),
    **dict.fromkeys(("sample", "draw", "generate", "infer", "inference", "samples"), "predict"),
    **dict.fromkeys(("ls", "models", "systems", "zoo", "pretrained"), "list"),
    **dict.fromkeys(("info", "card", "describe", "cat"), "show"),
    **dict.fromkeys(("plot", "table", "diff", "figures"), "compare"),
    **dict.fromkeys(("grid", "scan", "search", "tune"), "sweep"),
    **dict.fromkeys(("export", "upload", "save"), "publish"),
    **dict.fromkeys(("check", "validate-zoo"), "verify"),
}


def nearest_verb(word: str, verbs: Iterable[str]) -> str | None:
    """Return the verb that `word` most probably means, None where none is near."""
    close = difflib.get_close_matches(word.lower(), [*verbs, *MEANT_VERBS], n=1, cutoff=0.7)
    return MEANT_VERBS.get(close[0], close[0]) if close else None


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the dotted name among `known` that `word` most probably means, None where none is near.

    A name whose last part is the same, or is what other programs call so, comes before one that is spelt alike.
    """
    known = sorted(known, key=lambda name: (name.count("."), len(name)))
    last = word.rsplit(".", 1)[-1].replace("-", "_")
    for meant in dict.fromkeys((MEANT.get(last, last), last)):
        same = [name for name in known if name.rsplit(".", 1)[-1] == meant and name != word]
        if same:
            return max(same, key=lambda name: difflib.SequenceMatcher(None, word, name).ratio())
    if len(last) > 2 and (whole := next((name for name in known if name.startswith(word)), None)):
        return whole  # of an abbreviation
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.75)
    if close:
        return close[0]
    by_last = {name.rsplit(".", 1)[-1]: name for name in reversed(known)}
    close = difflib.get_close_matches(last, by_last, n=1, cutoff=0.75)
    longer = [name for name in by_last if len(name) > 2 and last.startswith(name)]
    close = close or longer  # such as --output for --out
    return by_last[close[0]] if close else None


def not_known(option: str, known: Iterable[str]) -> str:
    """Return what every verb says of an option that nothing takes, with the one that was meant if one is near.

    Args:
        option: with its dashes.
        known: names of options without dashes.
    """
    near = nearest(option.removeprefix("--").removesuffix("+").replace(".init_args", ""), known)
    return f"{option} is not known" + (f"; did you mean --{near}?" if near else "")
