"""LightningCLI with short names, one-line errors, a run folder and an evaluation at the end."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import warnings
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI
from lightning.pytorch.plugins.io import TorchCheckpointIO
from lightning.pytorch.profilers import AdvancedProfiler, Profiler, PyTorchProfiler, SimpleProfiler
from lightning.pytorch.utilities import rank_zero_only
from lightning.pytorch.utilities.exceptions import MisconfigurationException

import physgen.models  # noqa: F401 makes the models known by their short names
import physgen.samplers  # noqa: F401
import physgen.systems  # noqa: F401
from physgen.callbacks import BlowUpGuard, CostAhead, EnergyProgressBar, Figures, ResultWriter, advice, panel
from physgen.callbacks.metrics_logger import MetricsLogger
from physgen.callbacks.run_checkpoint import RunCheckpoint, WholeCheckpointIO
from physgen.callbacks.run_config import RunConfig
from physgen.callbacks.wandb_logger import GuardedWandbLogger, run_config, wandb_mode
from physgen.cli.completion import asks_help, complete, default_config, with_shipped_configs
from physgen.cli.option_names import check_options, ordered
from physgen.cli.parser import Parser, add_run_options, one_line
from physgen.cli.short_help import short_help
from physgen.cli.unused_options import random_seed, refuse_unused, seed_of
from physgen.cli.words import parted
from physgen.core.errors import InputError, TrainingError, check, check_integer
from physgen.core.lock import locks_released
from physgen.core.paths import user_path
from physgen.core.registry import rebuilding
from physgen.core.tables import print_panel
from physgen.core.version import __version__
from physgen.dmc.fixed_node import DiffusionSettings
from physgen.dmc.run import check_diffusion, diffuse
from physgen.models.base import Model
from physgen.models.trainer_settings import as_list, check_settings
from physgen.runs.checkpoint_contents import check_training, check_weights
from physgen.runs.checkpoint_file import last_readable, read_checkpoint
from physgen.runs.evaluation import Evaluation
from physgen.runs.folder import RUN_FOLDER, shared_run_folder
from physgen.runs.samples_file import write_samples
from physgen.systems import System
from physgen.zoo.warm_start import warm_start

#: options of a run that are paths, or may be
PATHS = ("run_folder", "ckpt_path", "warm_start")
#: parameters below which a model is trained on one thread
SMALL_MODEL = 5_000
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
    *("logger", "default_root_dir", "enable_checkpointing", "enable_autolog_hparams", "model_registry", "barebones"),
    *("sync_batchnorm", "benchmark"),
    *("limit_val_batches", "val_check_interval", "check_val_every_n_epoch", "num_sanity_val_steps"),
    *("overfit_batches", "use_distributed_sampler", "reload_dataloaders_every_n_epochs", "inference_mode"),
}


#: profilers by name, which write `fit-profile.txt` and `test-profile.txt` into the run folder
PROFILERS: dict[str, type[Profiler]] = {
    "simple": SimpleProfiler,
    "advanced": AdvancedProfiler,
    "pytorch": PyTorchProfiler,
}


class RunParser(Parser, LightningArgumentParser):
    """Parser of `fit`, `test` and `predict`."""


class TrainingCLI(LightningCLI):
    """`fit`, and what belongs to it: defaults, checkpoints that name their model, a run folder, an evaluation."""

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """Return the verbs and the arguments that they do not show."""
        return {
            "fit": {"model", "train_dataloaders", "val_dataloaders", "datamodule", "weights_only", "ckpt_path"},
            "test": {"model", "dataloaders", "datamodule", "weights_only", "ckpt_path", "verbose"},
            "predict": {"model", "dataloaders", "datamodule", "weights_only", "ckpt_path", "return_predictions"},
        }

    def init_parser(self, **kwargs: Any) -> LightningArgumentParser:
        """Return a parser that knows its program's name."""
        header = [f"physgen=={__version__}"]
        return super().init_parser(**{**kwargs, "dump_header": header})

    def add_core_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the trainer and the model; there is no data module, models draw their own samples."""
        parser.add_class_arguments(
            self.trainer_class, "trainer", skip=NOT_OFFERED, fail_untyped=False, instantiate=False, sub_configs=True
        )
        parser.set_defaults({f"trainer.{k}": v for k, v in TRAINER_DEFAULTS.items()})
        parser.add_lightning_class_args(Model, "model", subclass_mode=True)

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the run folder, the start of the weights and the size of the evaluation."""
        add_run_options(parser)
        parser.add_class_arguments(Evaluation, "evaluation")
        parser.add_class_arguments(BlowUpGuard, "guard")
        parser.add_class_arguments(DiffusionSettings, "dmc")

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Fill in the default model or that of a checkpoint, refuse unknown names, and parse."""
        argv = list(args or [])
        if argv and argv[0] in self.subcommands():
            verb, given = argv[0], with_shipped_configs(ordered(argv[1:]))
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

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Return a trainer with the run folder's logger, checkpoints, progress bar and card."""
        own, built = self.config[self.subcommand], self.config_init[self.subcommand]
        self.model.evaluation, self.diffusion = built["evaluation"], built["dmc"]
        if self.diffusion.enabled:
            check_diffusion(self.model, own["trainer"]["devices"])
        check_settings(self.model, built["trainer"])
        refuse_unused(self.subcommand, own, self._parser(self.subcommand).get_default)
        self.check_warm_start(own)
        self.set_threads(own["threads"])
        kind = type(self.model).__name__
        Model.lookup(kind)  # a base of models cannot be trained
        opened = shared_run_folder(own["run_folder"], self.model.system.label, kind, own["trainer"]["num_nodes"])
        self.kept_if_used, folder = opened.kept_if_used, opened.path
        self.run_folder = folder
        shown = built["trainer"].get("enable_progress_bar") is not False
        callbacks: list[Any] = as_list(built["trainer"].get("callbacks"))
        self.card = ResultWriter(folder, seed_of(own["seed_everything"]))
        callbacks.append(self.card)
        if own["figures"] and self.subcommand != "predict":
            callbacks.append(Figures(folder))
        if shown:
            callbacks += [EnergyProgressBar(), CostAhead()]
        self.ckpt_path, self.wandb = None, None
        if self.subcommand == "fit":
            callbacks += [
                built["guard"],
            ]
        callbacks.append(RunCheckpoint(folder))
        settings = {"default_root_dir": str(folder), "logger": False, "callbacks": callbacks, **kwargs}
        profiler = built["trainer"].get("profiler")
        if isinstance(profiler, str) and profiler.lower() in PROFILERS:
            settings["profiler"] = PROFILERS[profiler.lower()](dirpath=folder, filename="profile")
        with self.kept_if_used():
            trainer = super().instantiate_trainer(**settings)
            if self.subcommand == "fit":
                self.ckpt_path = self.given(own.get("ckpt_path")) or self.interrupted(folder)
                # opened last: a trainer that refuses its arguments must leave no run of W&B open
                if self.ckpt_path is not None:
                    held = read_checkpoint(self.ckpt_path)
                    check_training(self.ckpt_path, held)
                    check_weights(self.ckpt_path, held["state_dict"], self.model)
                steps = read_checkpoint(self.ckpt_path).get("global_step", 0) if self.ckpt_path else 0
                metrics = MetricsLogger(folder, steps, trainer.log_every_n_steps)
                if type(trainer.strategy.checkpoint_io) is TorchCheckpointIO:
                    trainer.strategy.checkpoint_io = WholeCheckpointIO(metrics.save)
                trainer.loggers = [metrics, *self.wandb_loggers(folder)]
        return trainer

    def check_warm_start(self, own: Any) -> None:
        """Give the model the weights of `warm_start`, if there is one.

        Raises:
            InputError: not the verb `fit`, a checkpoint to continue beside it, or weights that do not fit.
        """
        self.warm_start = own["warm_start"]
        if self.warm_start is None:
            return
        check(self.subcommand == "fit", "warm_start", self.warm_start, f"left out with {self.subcommand}")
        check(own.get("ckpt_path") is None, "warm_start", self.warm_start, "left out where ckpt_path is given")
        print(warm_start(self.model, self.warm_start))

    def set_threads(self, wanted: int | None) -> None:
        """Set torch's threads; operations of a small model are shorter than it takes to wake a second thread."""
        small = sum(p.numel() for p in self.model.parameters()) < SMALL_MODEL
        if wanted is not None:
            torch.set_num_threads(check_integer("threads", wanted, 1))
        elif small:
            torch.set_num_threads(1)

    def wandb_loggers(self, folder: Path) -> list[GuardedWandbLogger]:
        """Return the W&B logger, or none when it is switched off."""
        own = self.config[self.subcommand]
        mode = wandb_mode(own["wandb"])
        if mode in ("off", "disabled") or rank_zero_only.rank > 0:
            return []
        config = run_config(self.model, str(own["trainer"]["precision"]), seed_of(own["seed_everything"]))
        self.wandb = GuardedWandbLogger(folder, mode, self.model.system.label, config)
        return [self.wandb]

    def given(self, path: str | None) -> str | None:
        """Return the checkpoint that the training starts from, None for none.

        Raises:
            InputError: its weights do not fit the model.
        """
        if path is None:
            return None
        checkpoint, recipe = read_checkpoint(path), self.model.spec()["init_args"]
        held, own = ({k: v.shape for k, v in w.items()} for w in (checkpoint["state_dict"], self.model.state_dict()))
        if held != own:
            earlier = checkpoint["physgen"]["init_args"]
            before, now = ({**a, **System.of(a["system"]).init_args, "system": None} for a in (earlier, recipe))
            differing = [f"{k} = {before.get(k)!r} there, {v!r} here" for k, v in now.items() if before.get(k) != v]
            reason = "; ".join(differing) or "its weights have other names or sizes"
            raise InputError(f"ckpt_path {path} does not fit {type(self.model).__name__}: {reason}")
        return str(path)

    def interrupted(self, folder: Path) -> str | None:
        """Return the last checkpoint of the run that `folder` holds, if any.

        Raises:
            InputError: the folder holds a run of another model or system.
        """
        path = last_readable(folder)
        if path is None:
            return None
        held, own = read_checkpoint(path)["physgen"], self.model.spec()
        # arguments that are younger than the file have their defaults
        with contextlib.suppress(InputError), rebuilding():
            held = Model.of({k: held[k] for k in ("class_path", "init_args")}).spec()
        differing = sorted(k for k, v in own["init_args"].items() if held["init_args"].get(k) != v)
        if held["class_path"] != own["class_path"] or differing:
            what = "model" if held["class_path"] != own["class_path"] else ", ".join(differing)
            raise InputError(f"run_folder {folder} holds another run (different {what}); choose another folder")
        if rank_zero_only.rank == 0:
            print(f"continuing from {path}")
        return str(path)

    def fit(self, model: Model, **_: Any) -> None:
        """Train, then evaluate with fresh samples."""
        with self.kept_if_used():
            try:
                if self.trainer.is_global_zero:
                    print(self.first_line(model))
                self.train(model)
                self.evaluate(model)
            finally:
                if self.wandb is not None:
                    self.wandb.close(model.result, self.run_folder)

    def train(self, model: Model) -> None:
        """Train, from a checkpoint if there is one.

        Raises:
            InputError: the checkpoint's state of the training is broken, which shows before the first iteration ended.
        """
        try:
            self.trainer.fit(model, ckpt_path=self.ckpt_path, weights_only=True)
        except (InputError, TrainingError, OSError):
            raise
        except Exception as error:
            if self.ckpt_path is None or self.card.began or "memory" in str(error):
                raise
            reason = f"{type(error).__name__}: {one_line(str(error) or 'no reason given')}"
            raise InputError(f"checkpoint {self.ckpt_path} cannot be continued: {reason}") from error

    def first_line(self, model: Model) -> str:
        """Return in words what is trained, on what, and where it is kept."""
        size = sum(p.numel() for p in model.parameters())
        record = "off" if self.wandb is None else self.wandb.mode
        return (
            f"{type(model).__name__} on {model.system.label}: {size} parameters, {self.trainer.max_epochs} epochs of "
            f"{model.steps_per_epoch} iterations on {self.trainer.strategy.root_device}; "
            f"run folder {self.run_folder}, W&B {record}"
        )

    def test(self, model: Model, **_: Any) -> None:
        """Evaluate a trained model with fresh samples."""
        with self.kept_if_used():
            self.evaluate(self.loaded())

    def predict(self, model: Model, **_: Any) -> None:
        """Draw samples of a trained model into `samples.npz` of the run folder."""
        with self.kept_if_used():
            model = self.loaded()
            batches = self.trainer.predict(model)
            if self.trainer.is_global_zero:
                print(f"wrote {write_samples(self.run_folder, batches, model.evaluation.samples)}")

    def loaded(self) -> Model:
        """Return the model of the checkpoint, to be evaluated as the command line says."""
        ckpt_path = self.config[self.subcommand]["ckpt_path"]
        model = Model.load_from_checkpoint(ckpt_path)
        model.evaluation = self.model.evaluation
        self.card.trained_by(ckpt_path)
        return model

    def evaluate(self, model: Model) -> None:
        """Evaluate with fresh samples and show what was found."""
        self.trainer.test(model, verbose=False)
        if self.subcommand == "fit" and self.warm_start is not None:
            model.result.provenance["warm_start"] = self.warm_start
        if self.diffusion.enabled:
            shown = self.config_init[self.subcommand]["trainer"].get("enable_progress_bar") is not False
            diffuse(model, self.diffusion, shown)
        if self.trainer.is_global_zero:
            model.result.write(self.run_folder / "result.json")
            self.show(model)

    def show(self, model: Model) -> None:
        """Print what was found, where it lies and what to try next; the last two unbroken, to be pasted."""
        print_panel(panel(model.result, model))
        following = advice(model.result, self.card.again(model.spec()))
        print(f"run folder {shlex.quote(str(self.run_folder))}")
        if following is not None:
            print(f"next: {following}")


class ArgumentsOnly(TrainingCLI):
    """`TrainingCLI` that builds the model and stops: nothing is trained or written."""

    def instantiate_trainer(self, **kwargs: Any) -> None:
        """Build no trainer."""

    def _run_subcommand(self, subcommand: str) -> None:
        """Run nothing."""


@locks_released()
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
    """Run the verb `test`."""
    return run(["test", *arguments])


def predict(arguments: list[str]) -> TrainingCLI:
    """Run the verb `predict`."""
    return run(["predict", *arguments])
