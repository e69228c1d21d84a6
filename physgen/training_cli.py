"""LightningCLI with short names, one-line errors, a run folder and an evaluation at the end."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import warnings
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI, SaveConfigCallback
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from rich.console import Console

import physgen.models  # noqa: F401 makes the models known by their short names
import physgen.samplers  # noqa: F401
import physgen.systems  # noqa: F401
from physgen.callbacks import BlowUpGuard, EnergyProgressBar, Figures, RunCard, panel
from physgen.callbacks.run_card import commit
from physgen.callbacks.wandb_logger import GuardedWandbLogger, wandb_mode
from physgen.config_file import GROUPS, read_config
from physgen.errors import InputError, check, check_integer
from physgen.evaluation import Evaluation
from physgen.models.base import Model, read_checkpoint
from physgen.paths import shipped
from physgen.run_folder import earlier_rows, last_checkpoint, open_run_folder
from physgen.samplers import Sampler
from physgen.systems import System
from physgen.zoo.pretrained import resolve

#: tells processes that this one starts which folder the run has
RUN_FOLDER = "PHYSGEN_RUN_FOLDER"
DEFAULT_CONFIG = "quantum-dot-2d-n2-omega1/rbm-jastrow.yaml"
#: what a wavefunction takes without being told
DEFAULT_SAMPLER = "Metropolis"
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


class Parser(LightningArgumentParser):
    """Argument parser whose errors are one line that names the argument."""

    def error(self, message: str, ex: Exception | None = None) -> None:
        """Print the innermost reason in one line and exit with 2."""
        print(f"physgen: error: {one_line(message)}", file=sys.stderr)
        raise SystemExit(2)


def one_line(message: str) -> str:
    """Return the innermost reason of a parser's message, with the argument it concerns."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", message)
    key = re.search(r"[Pp]arser key \"?'?([\w.]+)", text) or re.search(r"[Kk]ey '([\w.]+)'", text)
    lines = [re.sub(r"^[\s\-*]+", "", line).strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith(("Given value", "usage:", "tip:", "For more"))]
    reasons = [line for line in lines if not line.endswith(":")]
    # of a union's reasons those about None and bare types say nothing
    useful = [line for line in reasons if "Expected a <class 'NoneType'>" not in line and "NoneType" not in line]
    reason = " ".join((useful or reasons or lines)[-1].split())
    if "implicit class_path" in reason:
        reason = "needs a name or {class_path, init_args}"
    if key and not re.search(rf"\b{re.escape(key.group(1).split('.')[-1])}\b", reason.split("Got value")[0]):
        reason = f"{key.group(1)}: {reason}"
    return reason[:400]


class RunConfig(SaveConfigCallback):
    """Write `config.yaml`, which repeats the run, into the run folder."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "save_to_log_dir": False})

    def save_config(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Write the config of a fit; an evaluation does not touch that of the training."""
        if stage == "fit":
            path = Path(trainer.default_root_dir) / "config.yaml"
            self.parser.save(self.config, path, skip_unset=False, overwrite=True)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Save on the first rank, once."""
        if trainer.is_global_zero and not self.already_saved:
            self.save_config(trainer, pl_module, stage)
            self.already_saved = True


class TrainingCLI(LightningCLI):
    """`fit`, and what belongs to it: defaults, checkpoints that name their model, a run folder, an evaluation."""

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """Return the verbs and the arguments that they do not show."""
        return {
            "fit": {"model", "train_dataloaders", "val_dataloaders", "datamodule", "weights_only"},
            "test": {"model", "dataloaders", "datamodule", "weights_only", "verbose"},
            "predict": {"model", "dataloaders", "datamodule", "weights_only", "return_predictions"},
        }

    def init_parser(self, **kwargs: Any) -> LightningArgumentParser:
        """Return a parser that knows its program's name."""
        header = [f"physgen=={physgen.__version__}"]
        # an abbreviation of an option is more often a typing error
        return super().init_parser(**{**kwargs, "dump_header": header, "allow_abbrev": False})

    def add_core_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the trainer and the model; there is no data module, models draw their own samples."""
        parser.add_lightning_class_args(self.trainer_class, "trainer")
        parser.set_defaults({f"trainer.{k}": v for k, v in TRAINER_DEFAULTS.items()})
        parser.add_lightning_class_args(Model, "model", subclass_mode=True)

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the run folder and the size of the evaluation."""
        parser.add_argument(
            "--run_folder",
            type=str | None,
            default=None,
            help="Folder of the run; the next free number under runs/<system>/<model> unless given. "
            "A folder that holds an interrupted run is continued from its last checkpoint.",
        )
        parser.add_argument(
            "--wandb",
            type=Literal["auto", "online", "offline", "off"],
            default="auto",
            help="Weights & Biases beside metrics.csv and result.json: auto is online where you are logged in.",
        )
        parser.add_argument(
            "--threads",
            type=int | None,
            default=None,
            help="CPU threads of torch; unless given one for small models, whose operations are too short to share, "
            "and torch's own choice for others.",
        )
        parser.add_argument("--figures", type=bool, default=True, help="Whether figures are drawn after the run.")
        parser.add_class_arguments(Evaluation, "evaluation")
        parser.add_class_arguments(BlowUpGuard, "guard")

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Fill in the default model or that of a checkpoint, refuse unknown names, and parse."""
        argv = list(args or [])
        if argv and argv[0] in self.subcommands():
            argv = [argv[0], *complete(argv[0], argv[1:])]
        try:
            super().parse_arguments(parser, argv)
        except InputError:
            raise
        except Exception as error:  # the parser trips over some kinds of nonsense itself
            raise InputError(f"arguments cannot be parsed: {one_line(str(error))}") from error
        own = self.config.get(self.config.get("subcommand"), {})
        seed, every = own.get("seed_everything"), (own.get("trainer") or {}).get("log_every_n_steps")
        check(seed is None or 0 <= seed < 2**32, "seed_everything", seed, "an integer from 0 to 4294967295")
        check(every is None or every >= 0, "trainer.log_every_n_steps", every, "an integer >= 0")

    def _parse_ckpt_path(self) -> None:
        """Do nothing: `complete` has put the checkpoint's own recipe before the other arguments."""

    def instantiate_classes(self) -> None:
        """Build model and trainer; what is wrong with an argument becomes one line.

        Raises:
            InputError: an argument that the model, its system, its sampler or the trainer refuses.
        """
        try:
            super().instantiate_classes()
        except InputError:
            raise
        except (ValueError, TypeError, MisconfigurationException) as error:
            raise InputError(one_line(str(error))) from error

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Return a trainer with the run folder's logger, checkpoints, progress bar and card."""
        own, built = self.config[self.subcommand], self.config_init[self.subcommand]
        self.model.evaluation = built["evaluation"]
        self.set_threads(own["threads"])
        kind = type(self.model).__name__
        Model.lookup(kind)  # a base of models cannot be trained
        folder = self.run_folder = shared_run_folder(own["run_folder"], self.model.system.label, kind)
        shown = built["trainer"].get("enable_progress_bar") is not False
        callbacks: list[Any] = list(built["trainer"].get("callbacks") or [])
        self.card = RunCard(folder, own["seed_everything"])
        callbacks.append(self.card)
        if own["figures"] and self.subcommand != "predict":
            callbacks.append(Figures(folder))
        if shown:
            callbacks.append(EnergyProgressBar())
        self.ckpt_path, self.wandb, loggers = None, None, []
        if self.subcommand == "fit":
            callbacks += [
                built["guard"],
                ModelCheckpoint(
                    folder / "checkpoints",
                    filename="{epoch:05d}",
                    save_top_k=1,
                    monitor=None,
                    auto_insert_metric_name=False,
                    enable_version_counter=False,
                ),
            ]
            self.ckpt_path = self.given(own.get("ckpt_path")) or self.interrupted(folder)
            loggers = [self.csv_logger(folder), *self.wandb_loggers(folder)]
        settings = {"default_root_dir": str(folder), "logger": loggers or False, "callbacks": callbacks, **kwargs}
        return super().instantiate_trainer(**settings)

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
        if mode in ("off", "disabled") or int(os.environ.get("LOCAL_RANK", 0)) > 0:
            return []
        config = {
            "model_class": type(self.model).__name__,
            "system": self.model.system.label,
            "precision": str(own["trainer"]["precision"]),
            "seed": own["seed_everything"],
            "commit": commit(),
            "parameters": sum(p.numel() for p in self.model.parameters()),
            "recipe": self.model.spec(),
        }
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
            before, now = ({**a, **a["system"]["init_args"], "system": None} for a in (earlier, recipe))
            differing = [f"{k} = {before.get(k)!r} there, {v!r} here" for k, v in now.items() if before.get(k) != v]
            reason = "; ".join(differing) or "its weights have other names or sizes"
            raise InputError(f"ckpt_path {path} does not fit {type(self.model).__name__}: {reason}")
        return str(path)

    def interrupted(self, folder: Path) -> str | None:
        """Return the last checkpoint of the run that `folder` holds, if any.

        Raises:
            InputError: the folder holds a run of another model or system.
        """
        path = last_checkpoint(folder)
        if path is None:
            return None
        held, own = read_checkpoint(path)["physgen"], self.model.spec()
        differing = sorted(k for k, v in own["init_args"].items() if held["init_args"].get(k) != v)
        if held["class_path"] != own["class_path"] or differing:
            what = "model" if held["class_path"] != own["class_path"] else ", ".join(differing)
            raise InputError(f"run_folder {folder} holds another run (different {what}); choose another folder")
        print(f"continuing from {path}")
        return str(path)

    def csv_logger(self, folder: Path) -> CSVLogger:
        """Return the logger of `metrics.csv`; rows of an interrupted run stay, up to its checkpoint."""
        rows = []
        if self.ckpt_path is not None:
            rows = earlier_rows(folder, read_checkpoint(self.ckpt_path).get("global_step", 0))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the folder is not empty is meant
            logger = CSVLogger(str(folder), name="", version="", flush_logs_every_n_steps=1)
            logger.experiment  # noqa: B018 opens the file now
        for row in rows:
            step = int(row.pop("step"))
            logger.log_metrics(row, step=step)
        return logger

    def fit(self, model: Model, **_: Any) -> None:
        """Train, then evaluate with fresh samples."""
        try:
            self.trainer.fit(model, ckpt_path=self.ckpt_path, weights_only=True)
            if self.trainer.interrupted:
                print(f"interrupted; the same command with --run_folder {self.run_folder} continues")
                return
            self.evaluate(model)
        finally:
            if self.wandb is not None:
                self.wandb.close(model.result, self.run_folder)

    def test(self, model: Model, ckpt_path: str | None = None, **_: Any) -> None:
        """Evaluate a trained model with fresh samples."""
        self.evaluate(self.loaded(ckpt_path))

    def predict(self, model: Model, ckpt_path: str | None = None, **_: Any) -> None:
        """Draw samples of a trained model into `samples.npz` of the run folder."""
        model = self.loaded(ckpt_path)
        batches = self.trainer.predict(model)
        if self.trainer.is_global_zero:
            arrays = {k: torch.cat([b[k] for b in batches])[: model.evaluation.samples].numpy() for k in batches[0]}
            if "log_weight" in arrays:  # mean 1, so that mean(weight * observable) is the reweighted mean
                shifted = np.exp(arrays["log_weight"] - arrays["log_weight"].max())
                arrays["weight"] = shifted / shifted.mean()
            path = self.run_folder / "samples.npz"
            with (self.run_folder / ".samples.part").open("wb") as file:
                np.savez_compressed(file, **arrays)
            (self.run_folder / ".samples.part").replace(path)
            shapes = ", ".join(f"{k} {v.shape}" for k, v in arrays.items())
            print(f"wrote {path}: {shapes}")

    def loaded(self, ckpt_path: str | None) -> Model:
        """Return the model of a checkpoint, to be evaluated as the command line says."""
        model = Model.load_from_checkpoint(ckpt_path)
        model.evaluation = self.model.evaluation
        self.card.trained_by(ckpt_path)
        return model

    def evaluate(self, model: Model) -> None:
        """Evaluate with fresh samples and show what was found."""
        self.trainer.test(model, verbose=False)
        if self.trainer.is_global_zero:
            Console().print(panel(model.result, model, self.run_folder))


def complete(verb: str, argv: list[str]) -> list[str]:
    """Return the arguments of a verb with what they leave to be understood put first.

    A first word that is no option names what `test` and `predict` take: a pretrained entry, a checkpoint or a run
    folder. With `--ckpt_path` the model is that of the file; `fit` without model and config takes the default one.

    Raises:
        InputError: an unknown model, system or sampler, a checkpoint of another model than `--model`, or nothing to
            test.
    """
    if any(a in ("-h", "--help") or a.endswith(".help") or ".help=" in a for a in argv):
        return argv
    configs = options(argv, "--config", "-c")
    for path in configs:
        read_config(path, alone=len(configs) == 1 and not options(argv, "--model.system", "--model.sampler", "--model"))
    for group in GROUPS:
        held = option(argv, f"--{group}")
        if held is not None and group != "model":
            raise InputError(f"{group} takes its arguments one by one, as --{group}.NAME, got {held!r}")
    for family, name in (
        (Model, option(argv, "--model")),
        (System, option(argv, "--model.system")),
        (Sampler, option(argv, "--model.sampler")),
    ):
        if name is not None and re.fullmatch(r"\w+", name) and name != "null":
            family.lookup(name)
    if verb != "fit":
        model_options = [a for a in argv if a.startswith("--model")]
        if model_options:
            raise InputError(f"{verb} takes the model of its checkpoint, not {model_options[0]}")
        if argv and not argv[0].startswith("-"):
            argv = [f"--ckpt_path={resolve(argv[0])}", *argv[1:]]
    model, checkpoint = option(argv, "--model"), option(argv, "--ckpt_path")
    if checkpoint is not None:
        recipe = read_checkpoint(checkpoint)["physgen"]
        kind = Model.lookup(recipe["class_path"])
        if model is not None and model.rsplit(".", 1)[-1] != kind.__name__:
            raise InputError(f"model {model} does not match ckpt_path {checkpoint}, which holds a {kind.__name__}")
        path = f"{kind.__module__}.{kind.__qualname__}"
        return [f"--model={json.dumps({'class_path': path, 'init_args': recipe['init_args']})}", *argv]
    if verb != "fit":
        raise InputError(
            f"{verb} needs a pretrained name, a run folder or --ckpt_path; `list pretrained` shows the names"
        )
    if model is None and option(argv, "--config", "-c") is None:
        argv = [f"--config={shipped('configs') / DEFAULT_CONFIG}", *argv]
    first = next((i for i, a in enumerate(argv) if a.startswith("--model.sampler.")), None)
    if first is not None and option(argv, "--model.sampler") is None and not configured_sampler(argv):
        argv.insert(first, f"--model.sampler={DEFAULT_SAMPLER}")  # its options mean the one that is there unasked
    return argv


def configured_sampler(argv: list[str]) -> bool:
    """Return whether a config among the arguments names a sampler."""
    models = (read_config(path).get("model") for path in options(argv, "--config", "-c"))
    arguments = ((m.get("init_args") or {}) for m in models if isinstance(m, dict))
    return any(isinstance(a, dict) and a.get("sampler") is not None for a in arguments)


def shared_run_folder(wanted: str | None, label: str, model: str) -> Path:
    """Return the run folder, the same one on all ranks of a run.

    Raises:
        InputError: ranks were started from outside (torchrun, SLURM) without a common `run_folder`.
    """
    if wanted is None and int(os.environ.get("WORLD_SIZE", 1)) > 1 and RUN_FOLDER not in os.environ:
        raise InputError("run_folder must be given when ranks are started by torchrun or SLURM, got None")
    folder = open_run_folder(wanted or os.environ.get(RUN_FOLDER), label, model)
    os.environ[RUN_FOLDER] = str(folder)  # processes that this one starts for other ranks take the same
    return folder


def options(argv: list[str], *names: str) -> list[str]:
    """Return the values of the options `names` in `argv`."""
    values = []
    for i, argument in enumerate(argv):
        for name in names:
            if argument == name and i + 1 < len(argv):
                values.append(argv[i + 1])
            elif argument.startswith(f"{name}="):
                values.append(argument.split("=", 1)[1])
    return values


def option(argv: list[str], *names: str) -> str | None:
    """Return the value of the first of the options `names` in `argv`, None if there is none."""
    return next(iter(options(argv, *names)), None)


def run(args: list[str]) -> TrainingCLI:
    """Run a training from command line arguments."""
    for name in ("lightning.pytorch", "lightning.fabric", "lightning"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*LeafSpec.*")
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*srun.*")
        warnings.filterwarnings("ignore", message=".*exists and is not empty.*")
        warnings.filterwarnings("ignore", message="The dirpath has changed.*")  # a run folder may be moved
        warnings.filterwarnings("ignore", message=".*smaller than the logging interval.*")  # records run over epochs
        warnings.filterwarnings("ignore", message="LightningCLI's args parameter.*")
        warnings.filterwarnings("ignore", module="jsonargparse.*")
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        os.environ.pop(RUN_FOLDER, None) if int(os.environ.get("LOCAL_RANK", 0)) == 0 else None
        try:
            return TrainingCLI(
                Model,
                save_config_callback=RunConfig,
                parser_class=Parser,
                subclass_mode_model=True,
                seed_everything_default=1,
                auto_configure_optimizers=False,
                load_from_checkpoint_support=False,
                parser_kwargs={"prog": "physgen"},
                args=args,
            )
        except MisconfigurationException as error:
            raise InputError(str(error)) from None
