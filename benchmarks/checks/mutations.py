"""Command lines of every verb, spoiled at random: names, values, order, files, environment and encodings."""

from __future__ import annotations

import contextlib
import io
import os
import random
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ENTRY = "quantum-dot-2d-n2-omega1/rbm-jastrow"
SHORT = (
    "--trainer.max_epochs 1 --trainer.accelerator cpu --trainer.enable_progress_bar false --evaluation.samples 20 "
    "--evaluation.batch 10 --evaluation.warm_up 1 --evaluation.thin 1 --wandb off --figures false"
)
#: calls that are sound; {dir} is a folder of their own
SOUND = [
    f"fit --config {{dir}}/good.yaml {SHORT}",
    f"fit --model GaussianBinaryRBM --model.system QuantumDot --model.system.omega 0.5 --model.hidden 2 "
    f"--model.sampler Metropolis --model.sampler.walkers 4 --model.steps_per_epoch 1 --run_folder {{dir}}/r {SHORT}",
    f"fit --model MLPFlow --model.system ClassicalDot --model.system.n 2 --model.hidden [8] --model.batch_size 4 "
    f"--model.steps_per_epoch 1 --seed_everything 3 --run_folder {{dir}}/f {SHORT}",
    f"test {ENTRY} --run_folder {{dir}}/t {SHORT}",
    f"predict {ENTRY} --run_folder {{dir}}/p {SHORT}",
    f"test --ckpt_path {{dir}}/broken.ckpt --run_folder {{dir}}/t {SHORT}",
    f"sweep --seeds 1 --over model.hidden=1,2 --run_folder {{dir}}/s --config {{dir}}/good.yaml {SHORT}",
    f"sweep --over model.system.omega=1,0.5 --in_turn --run_folder {{dir}}/o --config {{dir}}/good.yaml {SHORT}",
    f"compare {ENTRY} quantum-dot-2d-n2-omega1/neural-backflow",
    f"compare {ENTRY} {{dir}}/broken --out {{dir}}/c --wandb off",
    "reference --system ClassicalDot --system.n 1 --system.beta 2 --error 0.5 --walkers 8 --most_moves 200 "
    "--output {dir}/ref",
    "list pretrained quantum",
    "list systems models",
    f"show {ENTRY}",
    f"verify {ENTRY} --seconds 0.2 --seed 3",
    "publish {dir}/broken quantum-dot-2d-n2-omega1/mine",
    "index now",
    "--version",
]
WORDS = [
    *("", " ", "nan", "-nan", "inf", "-1", "0", "1e400", "-1e-400", "9" * 400, "1" * 20, "x" * 5000, "a/" * 3000),
    *("1_000", "1e3", "01", "+1", "1.0.0", "None", "null", "true", "[]", "{}", "[1,", "{a: 1", "[[1]]", "{a: {b: c}}"),
    *("日本", "ä", "\udcff", "\x00", "a\x00b", "a\nb", "a\tb", "\x1b[31m", "'", '"', "`id`", "$(id)", "${HOME}"),
    *("~", "~nobody-of-this-name/x", "..", "../../../etc/passwd", "/dev/null", "/proc/self/mem", ".", "/", "*", "?["),
    *("--", "---", "-x", "-h5", "=", "==", "--=1", "!!python/object:os.system", "&a *a", "<<: *a", "os.system", "@"),
    *("-", "0x10", "%s%n", "\\"),
]  # fmt: skip
ENVIRONMENT = [
    *(("RANK", "x"), ("WORLD_SIZE", "abc"), ("LOCAL_RANK", ""), ("SLURM_NTASKS", "two"), ("MASTER_PORT", "-")),
    *(("HOME", ""), ("COLUMNS", "0"), ("COLUMNS", "x"), ("PHYSGEN_ENTRIES", "/nowhere"), ("TERM", "")),
    *(("PHYSGEN_ENTRIES", "~nobody-of-this-name"), ("PHYSGEN_CACHE", "/proc/x"), ("WANDB_MODE", "sometimes")),
    *(("LANG", "xx"), ("NO_COLOR", "1"), ("PL_GLOBAL_SEED", "x")),
]  # fmt: skip
#: what a letter of a config is replaced by
LETTERS = ["", "\x00", ":", "{", "&", "*", "\t", "ä", "\n", "-", "9" * 30]
ENCODINGS = ["ascii", "latin-1", "gbk", "cp932", "cp1252"]
#: exit codes: all is well, a check that failed, what was given cannot be used
CODES = (None, 0, 2)
#: lines on standard error, and seconds, that an answer may take
LINES, SECONDS = 3, 120


@dataclass
class Spoiled:
    """One call that may be malformed."""

    argv: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    encoding: str = "utf-8"


def spoiled(count: int, seed: int, folder: Path, good: str) -> Iterator[Spoiled]:
    """Yield `count` calls; the files that they name are written into `folder`, among them the sound config `good`."""
    draw = random.Random(seed)
    for index in range(count):
        place = folder / f"m{index}"
        place.mkdir(parents=True)
        (place / "good.yaml").write_text(broken_text(draw, good) if draw.random() < 0.15 else good, "utf-8", "replace")
        (place / "broken.ckpt").write_bytes(draw.randbytes(draw.choice([0, 3, 200])))
        (place / "broken").mkdir()
        (place / "broken" / "result.json").write_text(draw.choice(["", "{", "[]", "{}", '{"quantity": 3}']))
        argv = draw.choice(SOUND).format(dir=place).split()
        for _ in range(draw.choice([1, 1, 2, 3])):
            argv = draw.choice(MUTATIONS)(draw, argv) if argv else argv
        case = Spoiled(argv)
        if draw.random() < 0.15:
            case.environment = dict([draw.choice(ENVIRONMENT)])
        if draw.random() < 0.2:
            case.encoding = draw.choice(ENCODINGS)
        yield case


def broken_text(draw: random.Random, text: str) -> str:
    """Return a text with some of its letters replaced, or cut."""
    letters = list(text)
    for _ in range(draw.choice([1, 2, 5])):
        letters[draw.randrange(len(letters))] = draw.choice(LETTERS)
    return "".join(letters)[: draw.choice([len(text), len(text) // 2])]


def place_of(draw: random.Random, argv: list[str], options: bool) -> int | None:
    """Return the place of an option, or of a value, behind the verb."""
    places = [i for i, word in enumerate(argv) if i > 0 and word.startswith("--") == options]
    return draw.choice(places) if places else None


def misspelt(draw: random.Random, argv: list[str]) -> list[str]:
    """Return the call with a wrong letter in an option or in the verb."""
    i = place_of(draw, argv, True) if draw.random() < 0.85 else 0
    i = 0 if i is None else i
    word, at = argv[i], draw.randrange(max(len(argv[i]) - 3, 1)) + min(2, len(argv[i]))
    cut, more = word[:at] + word[at + 1 :], word[:at] + "x" + word[at:]
    new = draw.choice([cut, more, word.replace("_", "-"), word.upper(), word + "."])
    return [*argv[:i], new, *argv[i + 1 :]]


def wrong_word(draw: random.Random, argv: list[str]) -> list[str]:
    """Return the call with another value."""
    i = place_of(draw, argv, False)
    return argv if i is None else [*argv[:i], draw.choice(WORDS), *argv[i + 1 :]]


def joined(draw: random.Random, argv: list[str]) -> list[str]:
    """Return the call with an option and another value in one word."""
    i = place_of(draw, argv, True)
    return argv if i is None else [*argv[:i], f"{argv[i]}={draw.choice(WORDS)}", *argv[i + 1 :]]


def dropped(draw: random.Random, argv: list[str]) -> list[str]:
    """Return the call without one of its words; `index` keeps what makes it wrong, since it writes in the package."""
    i = draw.randrange(len(argv))
    return argv if argv[0] == "index" else argv[:i] + argv[i + 1 :]


def doubled(draw: random.Random, argv: list[str]) -> list[str]:
    """Return the call with some of its words twice."""
    i = draw.randrange(len(argv))
    return [*argv, *argv[i : i + 2]]


def shuffled(draw: random.Random, argv: list[str]) -> list[str]:
    """Return the call with its options in another order."""
    pairs = [argv[i : i + 2] for i in range(1, len(argv), 2)]
    draw.shuffle(pairs)
    return [argv[0], *(word for pair in pairs for word in pair)]


def inserted(draw: random.Random, argv: list[str]) -> list[str]:
    """Return the call with a word more."""
    i = draw.randrange(len(argv) + 1)
    options = ["--omega", "--lr=1", "--model.hiden=2", "--config", "--dmc", "--folder", "--import", "--help"]
    word = draw.choice([*WORDS, *options])
    return [*argv[:i], word, *argv[i:]]


def of_another(draw: random.Random, argv: list[str]) -> list[str]:
    """Return the call with the verb of another."""
    verbs = "fit test predict sweep compare reference list show verify publish train Fit".split()
    return argv if argv[0] == "index" else [draw.choice(verbs), *argv[1:]]


MUTATIONS = (misspelt, wrong_word, wrong_word, joined, dropped, doubled, shuffled, inserted, of_another)


class TooLong(BaseException):
    """A call took more than `SECONDS`."""


def answer(case: Spoiled) -> str | None:
    """Run a call in this process; return what is wrong with the answer, None if nothing is."""
    from physgen.cli import main

    def late(*_: Any) -> None:
        raise TooLong

    outer = [io.TextIOWrapper(io.BytesIO(), encoding=case.encoding, errors="strict") for _ in range(2)]
    before, held = dict(os.environ), signal.signal(signal.SIGALRM, late)
    code: Any = 0
    try:
        os.environ.update(case.environment)
        signal.alarm(SECONDS)
        with contextlib.redirect_stdout(outer[0]), contextlib.redirect_stderr(outer[1]):
            main(list(case.argv))
    except SystemExit as end:
        code = end.code
    except TooLong:
        return f"hang of more than {SECONDS} s"
    except BaseException as error:
        return f"traceback {type(error).__name__}: {str(error)[:200]}"
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, held)
        os.environ.clear()
        os.environ.update(before)
    outer[1].flush()
    said = outer[1].buffer.getvalue().decode(case.encoding, "replace")  # type: ignore[attr-defined]
    if "Traceback" in said:
        return f"traceback {said[-300:]}"
    if code not in CODES:
        return f"exit code {code}: {said[-300:]}"
    lines = [line for line in said.splitlines() if line.strip() and not line.startswith("verif")]
    if code == 2 and not 1 <= len(lines) <= LINES:
        return f"{len(lines)} lines: {said[:300]}"
    return f"line of {len(said)} letters" if code == 2 and len(said) > 1200 else None
