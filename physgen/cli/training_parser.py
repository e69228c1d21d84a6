"""The arguments of `fit`, `test` and `predict`: LightningCLI with short names and errors of one line."""

from __future__ import annotations

import contextlib
from typing import Any

from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI

from physgen.callbacks import BlowUpGuard
from physgen.cli.chosen_optimizer import choose
from physgen.cli.completion import asks_help, complete, default_config, with_bridges, with_shipped_configs
from physgen.cli.option_names import check_options, ordered
from physgen.cli.parser import Parser, add_run_options, one_line
from physgen.cli.short_help import short_help
from physgen.cli.unused_options import random_seed
from physgen.cli.words import parted
from physgen.core.errors import InputError, check
from physgen.core.paths import user_path
from physgen.core.registry import rebuilding
from physgen.core.version import __version__
from physgen.data import Samples
from physgen.dmc.fixed_node import DiffusionSettings
from physgen.models.base import Model
from physgen.runs.evaluation import Evaluation

#: options of a run that are paths, or may be
PATHS = ("run_folder", "ckpt_path", "warm_start", "orthogonal_to", "output")
TRAINER_DEFAULTS = {
    "max_epochs": 20,
    "precision": "64-true",
    "accelerator": "auto",
    "devices": 1,
    "log_every_n_steps": 10,
    "enable_model_summary": False,
}
#: arguments of lightning's trainer without a meaning here: models draw their own samples, nothing is validated, no
#: layer normalises batches or convolves, and the run folder has its own loggers and checkpoints
NOT_OFFERED = {
    *("default_root_dir", "enable_checkpointing", "enable_autolog_hparams", "model_registry", "barebones"),
    *("sync_batchnorm", "benchmark"),
    *("limit_val_batches", "val_check_interval", "check_val_every_n_epoch", "num_sanity_val_steps"),
    *("overfit_batches", "use_distributed_sampler", "reload_dataloaders_every_n_epochs", "inference_mode"),
}


class RunParser(Parser, LightningArgumentParser):
    """Parser of `fit`, `test` and `predict`."""


class ParsedCLI(LightningCLI):
    """Parsed arguments: defaults, configs by name, checkpoints that name their model, one line for what is wrong."""

    #: whether the parsers of all verbs are built, not that of the one that is asked for
    all_verbs = False

    def __init__(self, kind: Any, args: ArgsType = None, **settings: Any) -> None:
        words = list(args) if isinstance(args, (list, tuple)) else []
        self.asked = words[0] if words and words[0] in self.subcommands() and not self.all_verbs else None
        super().__init__(kind, args=args, **settings)

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """Return the verbs and the arguments that they do not show."""
        return {
            "fit": {"model", "train_dataloaders", "val_dataloaders", "datamodule", "weights_only", "ckpt_path"},
            "test": {"model", "dataloaders", "datamodule", "weights_only", "ckpt_path", "verbose"},
            "predict": {"model", "dataloaders", "datamodule", "weights_only", "ckpt_path", "return_predictions"},
        }

    def _prepare_subcommand_parser(self, klass: type, subcommand: str, **kwargs: Any) -> LightningArgumentParser:
        """Return the parser of a verb, an empty one where another is asked for: each takes as long as a short run."""
        if self.asked in (None, subcommand):
            return super()._prepare_subcommand_parser(klass, subcommand, **kwargs)
        self._subcommand_method_arguments[subcommand] = []
        return self.init_parser(**kwargs)

    def init_parser(self, **kwargs: Any) -> LightningArgumentParser:
        """Return a parser that knows its program's name."""
        header = [f"physgen=={__version__}"]
        return super().init_parser(**{**kwargs, "dump_header": header})

    def add_core_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the trainer, the model and the data; without data models draw their own samples."""
        parser.add_class_arguments(
            self.trainer_class, "trainer", skip=NOT_OFFERED, fail_untyped=False, instantiate=False, sub_configs=True
        )
        parser.set_defaults({f"trainer.{k}": v for k, v in TRAINER_DEFAULTS.items()})
        parser.add_lightning_class_args(Model, "model", subclass_mode=True)
        parser.add_lightning_class_args(Samples, "data", subclass_mode=True, required=False)

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the run folder, the start of the weights and the size of the evaluation."""
        add_run_options(parser)
        parser.add_class_arguments(Evaluation, "evaluation")
        parser.add_class_arguments(BlowUpGuard, "guard")
        parser.add_class_arguments(DiffusionSettings, "dmc")
        parser.add_optimizer_args()
        parser.add_lr_scheduler_args()

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Fill in the default model or that of a checkpoint, refuse unknown names, and parse."""
        argv = list(args or [])
        if argv and argv[0] in self.subcommands():
            verb, given = argv[0], with_shipped_configs(with_bridges(argv[1:]))
            for group in ("--lr_scheduler", "--optimizer", "--model"):
                given = ordered(given, group)
            if helped := parted(given, ("-h", "--help"))[0]:
                own = self._parser(verb)
                print(own.format_help() if helped[0][-1] == "all" else short_help(verb, own))
                raise SystemExit(0)
            if not asks_help(given):
                check_options(given, self.option_names(verb), default_config() if verb == "fit" else None)
            argv = [verb, *complete(verb, given)]
        try:
            super().parse_arguments(parser, argv)
        except InputError:
            raise
        except Exception as error:  # the parser trips over some kinds of nonsense itself
            raise InputError(f"arguments cannot be parsed: {one_line(error)}") from error
        own = self.config.get(self.config.get("subcommand"), {})
        for name in PATHS:
            if own.get(name) is not None:
                own[name] = str(user_path(own[name], name))
        seed, every = own.get("seed_everything"), (own.get("trainer") or {}).get("log_every_n_steps")
        check(seed is None or 0 <= seed < 2**32, "seed_everything", seed, "an integer from 0 to 4294967295")
        if seed is True:
            own["seed_everything"] = random_seed()  # before Lightning, which takes 0, so that the record tells it
            print(f"seed_everything: {own['seed_everything']}, drawn at random")
        check(every is None or every >= 0, "trainer.log_every_n_steps", every, "an integer >= 0")

    def option_names(self, verb: str) -> list[str]:
        """Return the options that the parser of a verb knows, without those of a model."""
        return list(self._parser(verb)._option_string_actions)

    def _add_configure_optimizers_method_to_model(self, subcommand: str | None) -> None:
        """Give the model the optimiser that was asked for."""
        choose(self.model, self.config_init[subcommand])

    def _parse_ckpt_path(self) -> None:
        """Do nothing: `complete` has put the checkpoint's own recipe before the other arguments."""

    def instantiate_classes(self) -> None:
        """Build model and trainer; what is wrong with an argument becomes one line.

        Raises:
            InputError: an argument that the model, its system, its sampler or the trainer refuses.
        """
        held = self.config[self.subcommand].get("ckpt_path")
        try:
            with rebuilding() if held else contextlib.nullcontext():
                super().instantiate_classes()
        except InputError:
            raise
        except (ValueError, TypeError, MisconfigurationException) as error:
            raise InputError(one_line(error)) from error
