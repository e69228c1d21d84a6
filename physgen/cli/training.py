"""The verbs `fit`, `test` and `predict`."""

from __future__ import annotations

import logging
import os
import warnings
from typing import Any

from lightning.fabric.utilities.exceptions import MisconfigurationException

import physgen.models  # noqa: F401 makes the models known by their short names
import physgen.samplers  # noqa: F401
import physgen.systems  # noqa: F401
from physgen.callbacks.run_config import RunConfig
from physgen.cli.members import asked, member_of
from physgen.cli.parser import one_line
from physgen.cli.session import TrainingCLI
from physgen.cli.training_parser import RunParser
from physgen.core.errors import InputError, check
from physgen.core.lock import locks_released
from physgen.core.threads import threads_put_back
from physgen.models.base import Model
from physgen.runs.folder import RUN_FOLDER

__all__ = ["AllVerbs", "ArgumentsOnly", "TrainingCLI", "fit", "predict", "run", "test"]


class ArgumentsOnly(TrainingCLI):
    """`TrainingCLI` that builds the model and stops: nothing is trained or written."""

    def instantiate_trainer(self, **kwargs: Any) -> Any:
        """Build no trainer."""

    def _run_subcommand(self, subcommand: str) -> None:
        """Run nothing."""


class AllVerbs(ArgumentsOnly):
    """`ArgumentsOnly` whose parser knows the options of `fit`, `test` and `predict`."""

    all_verbs = True


@locks_released()
@threads_put_back()
def run(args: list[str], kind: type[TrainingCLI] = TrainingCLI) -> TrainingCLI:
    """Run a training from command line arguments, or only judge them where `kind` is `ArgumentsOnly`."""
    for name in ("lightning.pytorch", "lightning.fabric", "lightning"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*LeafSpec.*")
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*srun.*")
        warnings.filterwarnings("ignore", message=".*exists and is not empty.*")
        warnings.filterwarnings("ignore", message="The dirpath has changed.*")  # a run folder may be moved
        # its state of older runs, and a Timer's that stopped a run, are of no use any more
        warnings.filterwarnings("ignore", message=".*callbacks used to create the checkpoint.*(ModelCheckpoint|Timer)")
        warnings.filterwarnings("ignore", message=".*smaller than the logging interval.*")  # records run over epochs
        warnings.filterwarnings("ignore", message="LightningCLI's args parameter.*")
        warnings.filterwarnings("ignore", module="jsonargparse.*")
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        os.environ.pop(RUN_FOLDER, None) if int(os.environ.get("LOCAL_RANK", 0)) == 0 else None
        try:
            return kind(
                Model,
                save_config_callback=RunConfig,
                parser_class=RunParser,
                subclass_mode_model=True,
                seed_everything_default=1,
                auto_configure_optimizers=False,
                load_from_checkpoint_support=False,
                parser_kwargs={"prog": "python -m physgen"},
                args=args,
            )
        except MisconfigurationException as error:
            raise InputError(str(error)) from None
        except RuntimeError as error:
            reason = one_line(error)
            if "more than one stateful callback" in reason:
                raise InputError(f"trainer.callbacks must differ in their settings: {reason}") from None
            if "conditioned on metric" in reason:  # lightning's EarlyStopping
                raise InputError(f"trainer.callbacks.monitor: {reason}") from None
            raise


def fit(arguments: list[str]) -> TrainingCLI:
    """Run the verb `fit`."""
    return run(["fit", *arguments])


def test(arguments: list[str]) -> TrainingCLI:
    """Run the verb `test`; of a family with `--at omega=0.1,0.37` for each of these members."""
    rest, values = asked(arguments)
    for value in values[:-1]:
        run(["test", *rest], member_of(value))
    return run(["test", *rest], member_of(values[-1]) if values else TrainingCLI)


def predict(arguments: list[str]) -> TrainingCLI:
    """Run the verb `predict`; of a family with `--at omega=0.37` for this member."""
    rest, values = asked(arguments)
    check(len(values) <= 1, "at", values, "one member, whose draws are written")
    return run(["predict", *rest], member_of(values[0]) if values else TrainingCLI)
