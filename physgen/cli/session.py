"""A training, an evaluation or draws from the command line: trainer, run folder, records and what is shown."""

from __future__ import annotations

import shlex
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer
from lightning.pytorch.plugins.io import TorchCheckpointIO
from lightning.pytorch.profilers import AdvancedProfiler, Profiler, PyTorchProfiler, SimpleProfiler
from lightning.pytorch.utilities import rank_zero_only

from physgen.callbacks import CostAhead, EnergyProgressBar, Figures, ResultWriter, advice, panel
from physgen.callbacks.metrics_logger import MetricsLogger
from physgen.callbacks.run_checkpoint import RunCheckpoint, WholeCheckpointIO
from physgen.callbacks.wandb_logger import GuardedWandbLogger, wandb_mode
from physgen.callbacks.wandb_record import run_config, run_name
from physgen.cli.continuing import continued
from physgen.cli.parser import WANDB, one_line
from physgen.cli.training_parser import ParsedCLI
from physgen.cli.unused_options import refuse_unused, seed_of
from physgen.core.errors import InputError, TrainingError, check
from physgen.core.tables import print_panel
from physgen.core.threads import take_threads
from physgen.dmc.run import check_diffusion, diffuse
from physgen.models import Model, WavefunctionModel
from physgen.models.trainer_settings import as_list, check_settings
from physgen.runs.folder import shared_run_folder, started_from_outside
from physgen.runs.result import Result
from physgen.runs.samples_file import write_samples
from physgen.zoo.orthogonal import keep_orthogonal
from physgen.zoo.warm_start import warm_start

#: what stands beside a PNG by `--figure_format`
FORMATS: dict[str, tuple[str, ...]] = {"png": (), "pdf": ("pdf",), "svg": ("svg",)}
#: profilers by name, which write `fit-profile.txt` and `test-profile.txt` into the run folder
PROFILERS: dict[str, type[Profiler]] = {
    "simple": SimpleProfiler,
    "advanced": AdvancedProfiler,
    "pytorch": PyTorchProfiler,
}


class TrainingCLI(ParsedCLI):
    """`fit`, `test` and `predict` with a run folder, and an evaluation at the end of a training."""

    #: the verb
    subcommand: str
    wandb: GuardedWandbLogger | None

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Return a trainer with the run folder's logger, checkpoints, progress bar and card."""
        own, built = self.config[self.subcommand], self.config_init[self.subcommand]
        self.model.evaluation, self.diffusion = built["evaluation"], built["dmc"]
        if self.diffusion.enabled:
            check_diffusion(self.model, own["trainer"]["devices"])
        check_settings(self.model, built["trainer"])
        if self.datamodule is not None:
            self.model.take_data(self.datamodule)
        refuse_unused(self.subcommand, own, self._parser(self.subcommand).get_default)
        self.begun_from = begin(self.model, self.subcommand, own)
        take_threads(own["threads"], sum(p.numel() for p in self.model.parameters()))
        kind = type(self.model).__name__
        Model.lookup(kind)  # a base of models cannot be trained
        self.scratch = scratch_folder(self.subcommand, own)
        opened = shared_run_folder(own["run_folder"], self.model.system.label, kind, own["trainer"]["num_nodes"])
        self.kept_if_used, folder = opened.kept_if_used, opened.path
        self.run_folder = folder
        shown = built["trainer"].get("enable_progress_bar") is not False
        callbacks: list[Any] = as_list(built["trainer"].get("callbacks"))
        self.card = ResultWriter(folder, seed_of(own["seed_everything"]))
        callbacks.append(self.card)
        if own["figures"] and self.subcommand != "predict" and self.scratch is None:
            callbacks.append(Figures(folder, FORMATS[own["figure_format"]]))
        if shown:
            callbacks += [EnergyProgressBar(), CostAhead()]
        self.ckpt_path, self.wandb = None, None
        if self.subcommand == "fit":
            callbacks.append(built["guard"])
        callbacks.append(RunCheckpoint(folder))
        settings = {"default_root_dir": str(folder), "logger": False, "callbacks": callbacks, **kwargs}
        profiler = built["trainer"].get("profiler")
        if isinstance(profiler, str) and profiler.lower() in PROFILERS:
            settings["profiler"] = PROFILERS[profiler.lower()](dirpath=folder, filename="profile")
        with self.kept_if_used():
            trainer = super().instantiate_trainer(**settings)
            if self.subcommand == "fit":
                self.ckpt_path, steps = continued(self.model, own.get("ckpt_path"), folder)
                # opened last: a trainer that refuses its arguments must leave no run of W&B open
                every: int = trainer.log_every_n_steps  # type: ignore[attr-defined]
                metrics = MetricsLogger(folder, steps, every)
                if type(trainer.strategy.checkpoint_io) is TorchCheckpointIO:
                    trainer.strategy.checkpoint_io = WholeCheckpointIO(metrics.save)
                trainer.loggers = [metrics, *own_loggers(built["trainer"].get("logger")), *self.wandb_loggers(folder)]
        return trainer

    def wandb_loggers(self, folder: Path) -> list[GuardedWandbLogger]:
        """Return the W&B logger, or none when it is switched off."""
        own = self.config[self.subcommand]
        mode = wandb_mode(own["wandb"])
        if mode in ("off", "disabled") or rank_zero_only.rank > 0:  # type: ignore[attr-defined]
            return []
        seed = seed_of(own["seed_everything"])
        told = {name: own[name].as_dict() for name in ("trainer", "evaluation", "guard")}
        told |= {name: own.get(name) for name in ("threads", "warm_start", "orthogonal_to", "ckpt_path")}
        config = {**run_config(self.model, told), "precision": str(own["trainer"]["precision"]), "seed": seed}
        options = {name.removeprefix("wandb_"): own[name] for name in WANDB}
        name = run_name(self.model, seed)
        self.wandb = GuardedWandbLogger(folder, mode, self.model.system.label, config, name, options)
        return [self.wandb]

    def fit(self, model: Model, **_: Any) -> None:
        """Train, then evaluate with fresh samples."""
        with self.kept_if_used():
            try:
                if self.trainer.is_global_zero:
                    record = "off" if self.wandb is None else self.wandb.mode
                    print(
                        f"{in_words(model, self.trainer, self.datamodule)}; run folder {self.run_folder}, W&B {record}"
                    )
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
            self.trainer.fit(model, datamodule=self.datamodule, ckpt_path=self.ckpt_path, weights_only=True)
        except (InputError, TrainingError, OSError):
            raise
        except Exception as error:
            if self.ckpt_path is None or self.card.began or "memory" in str(error):
                raise
            reason = f"{type(error).__name__}: {one_line(str(error) or 'no reason given')}"
            raise InputError(f"checkpoint {self.ckpt_path} cannot be continued: {reason}") from error

    def test(self, model: Model, **_: Any) -> None:
        """Evaluate a trained model with fresh samples."""
        with self.kept_if_used(), self.scratch or nullcontext():
            self.evaluate(self.loaded())

    def predict(self, model: Model, **_: Any) -> None:
        """Draw samples of a trained model into `samples.npz` of the run folder, or a file of their own."""
        with self.kept_if_used(), self.scratch or nullcontext():
            model = self.loaded()
            batches: Any = self.trainer.predict(model)
            if self.trainer.is_global_zero:
                own = self.config[self.subcommand]["output"]
                path = self.run_folder / "samples.npz" if own is None else Path(own)
                path.parent.mkdir(parents=True, exist_ok=True)
                print(f"wrote {write_samples(path, batches, model.evaluation.samples)}")

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
        found(model).provenance.update(self.begun_from)
        if self.diffusion.enabled:
            shown = self.config_init[self.subcommand]["trainer"].get("enable_progress_bar") is not False
            assert isinstance(model, WavefunctionModel)  # as `check_diffusion` has seen to
            diffuse(model, self.diffusion, shown)
        if self.trainer.is_global_zero:
            found(model).write(self.run_folder / "result.json")
            self.show(model)

    def show(self, model: Model) -> None:
        """Print what was found, where it lies and what to try next; the last two unbroken, to be pasted."""
        print_panel(panel(found(model), model))
        following = advice(found(model), self.card.again(model.spec()))
        if self.scratch is None:
            print(f"run folder {shlex.quote(str(self.run_folder))}")
        else:
            print("nothing was written; --run_folder FOLDER keeps result and figures")
        if following is not None:
            print(f"next: {following}")


def in_words(model: Model, trainer: Trainer, data: Any) -> str:
    """Return in words what is trained, how long and where."""
    size = sum(p.numel() for p in model.parameters())
    length = f"{model.steps_per_epoch} iterations" if data is None else f"a pass over {data.words}"
    return (
        f"{type(model).__name__} on {model.system.label}: {size} parameters, {trainer.max_epochs} epochs of "
        f"{length} on {trainer.strategy.root_device}"
    )


def begin(model: Model, verb: str, own: Any) -> dict[str, str]:
    """Give a model the weights of `warm_start` and the state of `orthogonal_to`, if there are; return their names.

    Raises:
        InputError: not the verb `fit`, a checkpoint to continue beside new weights, or a model that does not fit.
    """
    names: dict[str, str] = {k: own[k] for k in ("warm_start", "orthogonal_to") if own[k] is not None}
    if "warm_start" in names:
        check(verb == "fit", "warm_start", own["warm_start"], f"left out with {verb}")
        check(own.get("ckpt_path") is None, "warm_start", own["warm_start"], "left out where ckpt_path is given")
        print(warm_start(model, names["warm_start"]))
    if "orthogonal_to" in names:
        print(keep_orthogonal(model, names["orthogonal_to"], own["overlap_penalty"]))
    return names


def scratch_folder(verb: str, own: Any) -> tempfile.TemporaryDirectory[str] | None:
    """Return a folder that goes away, for an evaluation or draws with a file of their own where none was asked for."""
    shown = verb == "test" or (verb == "predict" and own["output"] is not None)
    if not shown or own["run_folder"] is not None or started_from_outside():
        return None
    scratch = tempfile.TemporaryDirectory(prefix="physgen-")
    own["run_folder"] = scratch.name
    return scratch


def own_loggers(given: Any) -> list[Any]:
    """Return the loggers of Lightning that stand beside those of the run folder.

    Raises:
        InputError: `true`, which names none.
    """
    check(given is not True, "trainer.logger", given, "a logger such as CSVLogger: the run folder has its own anyway")
    return [] if given is False else as_list(given)


def found(model: Model) -> Result:
    """Return the result of a model that was evaluated."""
    assert model.result is not None
    return model.result
