"""`python -m physgen reference`: reference values of a classical system, in a table, figures and files."""

from __future__ import annotations

import re
import shlex
import time
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from physgen.callbacks.cost_ahead import spelt
from physgen.cli.option_names import check_class_options, ordered
from physgen.cli.parser import Parser, one_line, parser_of
from physgen.cli.words import option, options
from physgen.core.errors import InputError, check
from physgen.core.files import copy_file
from physgen.core.lock import locks_released
from physgen.core.plain_text import folder_name
from physgen.core.recipe import known
from physgen.core.tables import console, print_table
from physgen.core.threads import take_threads, threads_put_back
from physgen.models import DensityModel, Model
from physgen.monte_carlo import ReferenceRecord, Settings, cache_folder, reference
from physgen.monte_carlo.cache import SAMPLES
from physgen.monte_carlo.figures import write_figures
from physgen.monte_carlo.ladders import ladder_of
from physgen.monte_carlo.settings import ROUND
from physgen.monte_carlo.suitability import check_suitable
from physgen.runs.config_file import read_config
from physgen.runs.folder import open_run_folder
from physgen.runs.result import reference_for
from physgen.stats import deviation, with_error
from physgen.systems import ClassicalSystem, System
from physgen.zoo.pretrained import resolve

#: seconds from which a measurement says how long it will take
LONG = 60.0
#: seconds of a move of one walker beyond which it tells what many take, and evaluations of such a move and its swap
SLOW, EVALUATIONS = 0.3, 6


def parser() -> Parser:
    """Return the parser of the verb."""
    made = parser_of("reference")
    made.add_argument("--config", action="config", help="YAML file with these options.")
    made.add_subclass_arguments(System, "system", help="A classical system, such as ClassicalDot.")
    made.add_argument("--error", type=float, default=0.003, help="Standard error to stop at: of F, or of <E>.")
    made.add_argument("--samples", type=int, default=0, help="Configurations to write as training data.")
    made.add_argument("--seed", type=int, default=1, help="Seed of all draws.")
    made.add_argument("--walkers", type=int, default=64, help="Independent ladders of replicas.")
    made.add_argument("--most_moves", type=int, default=50_000, help="Moves after which the chains stop in any case.")
    made.add_argument("--cache", type=bool, default=True, help="Whether an earlier result of the same is taken.")
    made.add_argument(
        "--bridge", type=str | None, default=None, help="Entry, run or checkpoint of a density of the system, for F."
    )
    made.add_argument("--threads", type=int | None, default=None, help="CPU threads of torch; one unless given.")
    made.add_argument("--output", type=str | None, default=None, help="Folder; reference/<system> unless given.")
    return made


class CostAhead:
    """Say how long a measurement will take, where this is long: judged by one walker if need be, else by first moves.

    Args:
        system: the system that is measured.
        settings: settings of the measurement.
        target: where it is said.
    """

    def __init__(self, system: ClassicalSystem, settings: Settings, target: Console) -> None:
        self.system, self.settings, self.target = system, settings, target
        self.start: float | None = None
        self.said = False

    def __call__(self, share: float) -> None:
        """Take note of the share that is done, 0 before any work; a tenth of all is the warm-up."""
        if self.start is None:
            alone = seconds_of_a_walker(self.system)
            if alone > SLOW:
                self.say(alone * self.settings.walkers)
            self.start = time.perf_counter()
            return
        moves, elapsed = round(10 * share * self.settings.warm_up) + 1, time.perf_counter() - self.start
        if not self.said and (moves >= 20 or elapsed >= 3):
            self.say(elapsed / moves)

    def say(self, each: float) -> None:
        """Say what moves of so many seconds add up to, if it is long."""
        self.said = True
        least, most = (each * (self.settings.warm_up + more) for more in (3 * ROUND, self.settings.most_moves))
        if least > LONG:
            self.target.print(f"{each:.2g} s a move: between {spelt(least)} and {spelt(most)}; Ctrl-C ends it")


def seconds_of_a_walker(system: ClassicalSystem) -> float:
    """Return the seconds that a move of one walker of every replica takes, with nothing to share its overhead."""
    ladder = ladder_of(system)
    x = system.initial(len(ladder.scale), torch.Generator().manual_seed(0), torch.float64)[:, None]
    start = time.perf_counter()
    ladder.evaluate(x)
    return EVALUATIONS * (time.perf_counter() - start)


@locks_released()
@threads_put_back()
def run(arguments: list[str]) -> ReferenceRecord:
    """Run the verb; return the record that it showed and wrote.

    Raises:
        InputError: an argument that cannot be used.
    """
    config, system = parsed(arguments)
    take_threads(config.threads)
    settings = Settings(config.error, config.samples, config.seed, config.walkers, most_moves=config.most_moves)
    density = None if config.bridge is None else bridging_density(config.bridge)
    opened = open_run_folder(config.output or Path("reference") / folder_name(system.label), "", "")
    folder = opened.path
    columns = (TextColumn("{task.description:28}"), BarColumn(), TimeElapsedColumn())
    with opened.kept_if_used(), Progress(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("start", total=1.0)
        ahead = CostAhead(system, settings, console(stderr=True))

        def shown(share: float, text: str) -> None:
            bar.update(task, completed=share, description=text)
            ahead(share)

        record = reference(system, settings, shown, config.cache, density)
    if density is not None:
        record.provenance["bridge"] = config.bridge
    record.write(folder)
    written = ["reference.json", "reference.npz", *write_figures(record, folder)]
    if settings.samples:
        copy_file(cache_folder(system, settings) / SAMPLES, folder / SAMPLES)
        written.append(SAMPLES)
    print_table(table(record))
    target = console()
    for line in (*(f"note: {note}" for note in record.notes), *shells(record)):
        target.print(line, soft_wrap=True)
    target.print(f"{record.origin}; {', '.join(written)} in {shlex.quote(str(folder))}", soft_wrap=True)
    return record


def bridging_density(name: str) -> DensityModel:
    """Return the density of an entry, a run or a checkpoint, in float64.

    Raises:
        InputError: none of these, or a model that is no normalised density.
    """
    model = Model.load_from_checkpoint(resolve(name))
    kind = type(model).__name__
    check(isinstance(model, DensityModel), "--bridge", kind, "a normalised density, such as AutoregressiveMLP")
    assert isinstance(model, DensityModel)  # as checked
    check(model.guarantee == "exact", "--bridge", kind, "a density that is normalised exactly")
    return model.double()


def parsed(arguments: list[str]) -> tuple[Any, ClassicalSystem]:
    """Return the options and the system.

    Raises:
        InputError: an unknown option or system, or a value that it refuses.
    """
    arguments = ordered(arguments, "--system")
    named = option(arguments, "--system")
    if named is not None and re.fullmatch(r"\w+", named):
        System.lookup(named)
    configs, made = options(arguments, "--config"), parser()
    for path in configs:
        known(read_config(path), name="config", exact=True)
    check_class_options(arguments, made._option_string_actions, "system", System)
    helped = any(a in ("-h", "--help") or a.startswith("--system.help") for a in arguments)
    check(bool(named or configs or helped), "--system", None, "a classical system, such as --system ClassicalDot")
    try:
        config = made.parse_args(arguments)
        check(config.system is not None, "--system", None, "a classical system, such as --system ClassicalDot")
        system = made.instantiate_classes(config).system
    except (InputError, KeyboardInterrupt):
        raise
    except Exception as error:  # the parser trips over some kinds of nonsense itself
        raise InputError(one_line(error)) from error
    check_suitable(system)
    return config, system


def table(record: ReferenceRecord) -> Table:
    """Return values with errors beside what is known."""
    made = Table(
        title=f"{record.provenance['label']} ({record.origin})", title_justify="left", box=None, pad_edge=False
    )
    for column in ("quantity", "value", "reference", "sigma", "source"):
        made.add_column(column, justify="right" if column == "sigma" else "left")
    for quantity, estimate in record.estimates.items():
        known = reference_for([r for r in record.references if r.exact], quantity)
        cells = ["", "", ""]
        if known is not None:
            sigma = deviation(estimate.value, estimate.error, known.value, known.error)
            cells = [with_error(known.value, known.error), f"{sigma:+.1f}", f"{known.method}, {known.source}"]
        made.add_row(quantity, str(estimate), *cells)
    return made


def shells(record: ReferenceRecord) -> list[str]:
    """Return one line for each shell: where it lies and how many particles it holds."""
    if "shell_edges" not in record.arrays:
        return []
    edges = [0.0, *record.arrays["shell_edges"].tolist(), float("inf")]
    lines = []
    for i, (share, error) in enumerate(
        zip(record.arrays["shell_occupation"], record.arrays["shell_occupation_error"], strict=True)
    ):
        held = ", ".join(f"{k}: {with_error(share[k], error[k])}" for k in range(len(share)) if share[k] > 0.005)
        lines.append(f"shell {i + 1}, r = {edges[i]:.3g} to {edges[i + 1]:.3g}: {held}")
    return lines
