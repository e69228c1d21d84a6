"""What all models share: a system, draws of their own, checkpoints that rebuild them, and records."""

from __future__ import annotations

import logging
import math
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import lightning
import torch
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from physgen.core.errors import InputError, TrainingError, check, check_integer
from physgen.core.full_precision import full_precision
from physgen.core.random_streams import TRAINING
from physgen.core.ranks import gather, world_size
from physgen.core.registry import Registered, rebuilding
from physgen.core.version import __version__
from physgen.models.evaluated import Clock, EvaluatedModule
from physgen.models.loop_state import mended
from physgen.models.numpy_edge import OF_CONFIGURATIONS, gives_arrays, takes_arrays
from physgen.models.size_limit import SizeLimit
from physgen.models.trainer_settings import check_trainer
from physgen.objectives.typical import Typical, typical
from physgen.runs.checkpoint_contents import check_weights, misfit
from physgen.runs.checkpoint_file import (
    CHECKPOINT_VERSION,
    check_device,
    of_a_newer_version,
    precision_of,
    read_checkpoint,
)
from physgen.spaces import Space
from physgen.systems import System

log = logging.getLogger("physgen")


#: methods that mixed precision never reaches: wavefunctions, densities, derivatives, maps, inverses, draws, steps
FULL_PRECISION = (
    *("log_psi", "derivatives", "local_energy", "jacobian", "forward"),
    *("log_prob", "log_prob_of_samples", "draw", "draw_fixed", "draw_with_score", "draw_pool", "sample"),
    *("transform", "transform_and_jacobian", "inverse", "preimages", "training_step"),
)


class Model(EvaluatedModule, Registered):
    """A probability distribution that learns from a Hamiltonian: it draws its own samples, no data set enters.

    Constructor arguments are plain values and registered objects; they travel in every checkpoint as
    `{class_path, init_args}`, so that `load_from_checkpoint` rebuilds model and system alike after a run from the
    command line and from Python. One training epoch is `steps_per_epoch` iterations.

    Methods of configurations (`log_prob`, `log_psi`, `derivatives`, `local_energy`) take tensors and give tensors;
    given a NumPy array they give arrays. `sample(num, seed, numpy=True)` draws arrays.

    Args:
        system: what is simulated.
        steps_per_epoch: iterations between two checkpoints.
    """

    abstract = True
    #: where configurations may live
    spaces: ClassVar[tuple[type[Space], ...]] = (Space,)
    #: largest share of one rank's samples whose values may not be finite in a step that is followed
    lost_limit = 0.0
    #: dtype that configurations are taken in; that of the weights unless given
    configurations_dtype: torch.dtype | None = None

    if TYPE_CHECKING:  # torch says that every attribute it does not know is a tensor or a module

        def __getattr__(self, name: str) -> Any:
            """Return an attribute of a model whose class is known at run time only."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in FULL_PRECISION:
            if name in cls.__dict__:
                setattr(cls, name, full_precision(cls.__dict__[name]))
        for name in OF_CONFIGURATIONS:
            if name in cls.__dict__:
                setattr(cls, name, takes_arrays(cls.__dict__[name]))
        if "sample" in cls.__dict__:
            cls.sample = gives_arrays(cls.__dict__["sample"])

    def __init__(self, system: System, steps_per_epoch: int = 50) -> None:
        super().__init__()
        self.system = System.of(system)
        self.init_args["system"] = self.system
        where, known = type(self.system.space), " or ".join(kind.__name__ for kind in self.spaces)
        check(issubclass(where, self.spaces), "space of system", where.__name__, f"{known} for {type(self).__name__}")
        self.steps_per_epoch = check_integer("steps_per_epoch", steps_per_epoch, 1)
        self.generator: torch.Generator | None = None
        #: means of the last records, for progress bars
        self.latest: dict[str, float] = {}
        #: standard errors of those means, from the scatter of the batches
        self.latest_errors: dict[str, float] = {}
        self.notes: list[str] = []
        #: whether a callback undoes steps that are not finite
        self.guarded = False
        #: what is typical of the last step, over all ranks
        self.step = Typical()
        #: name of the part of the training that `step` belongs to; values of different parts do not compare
        self.part = ""
        #: what every record is stamped with, such as the time so far
        self.stamp: Callable[[], dict[str, float]] = dict
        self._records: defaultdict[str, list] = defaultdict(list)
        #: whether this iteration ends with a step of the optimiser, not only with more gradients to accumulate
        self.stepping = True
        #: whether records were averaged in this epoch
        self._averaged = False
        #: whether the draws of this training have started
        self._started = False
        self._restored: dict[str, Any] | None = None

    @classmethod
    def being_made(cls) -> SizeLimit:
        """Return the limit on what a constructor allocates."""
        return SizeLimit(cls.__name__)

    # ---- a clock instead of data

    def train_dataloader(self) -> Clock:
        """Return the clock of one epoch, which is not cut in two by distributed samplers."""
        return Clock(self.steps_per_epoch)

    # ---- records

    def record(self, metrics: dict[str, Any]) -> None:
        """Collect metrics of one step; every `log_every_n_steps` their means go to the loggers as `train/...`.

        Averaging here, rather than `self.log` at every step, costs nothing on small models and shows no single batch.
        """
        for name, value in metrics.items():
            self._records[name].append(value.detach() if isinstance(value, Tensor) else value)
        every = self.trainer.log_every_n_steps or 50
        if self.stepping and self.iteration % every == 0:
            self.flush_records()

    def on_train_batch_start(self, batch: int, batch_idx: int) -> None:
        """Number this iteration, from 1: `global_step` moves within it, and not at all when a step is left out."""
        self.iteration = self.global_step + 1
        batches, group = batch_idx + 1, self.trainer.accumulate_grad_batches
        self.stepping = batches % group == 0 or batches == self.trainer.num_training_batches

    def flush_records(self) -> None:
        """Send the means of what was recorded to the loggers and forget it."""
        if not self._records:
            return
        means = self.average_records()
        self._records.clear()
        scalars = {f"train/{k}": v for k, v in {**means, **self.stamp()}.items()}
        for logger in self.loggers if self.trainer.log_every_n_steps else []:
            logger.log_metrics({**scalars, "epoch": self.current_epoch}, step=self.iteration)

    def average_records(self) -> dict[str, float]:
        """Return the means of what was recorded since the last flush, and keep them as `latest`."""
        series = {k: torch.as_tensor(v, dtype=torch.float64) for k, v in self._records.items()}
        means = {k: float(v.mean()) for k, v in series.items()}
        self.latest_errors = {k: float(v.std() / len(v) ** 0.5) if len(v) > 1 else math.nan for k, v in series.items()}
        self.latest = {**self.latest, **means}
        self._averaged = True
        return means

    def on_train_epoch_end(self) -> None:
        """Make the last means known to callbacks that monitor a metric, those of this epoch if it ends before a row."""
        if not self._averaged:
            self.average_records()
        self._averaged = False
        self.log_dict({f"train/{k}": v for k, v in self.latest.items()}, batch_size=1, sync_dist=True, logger=False)

    def record_event(self, **values: float) -> None:
        """Send numbers to the loggers now, as `train/<name>`."""
        for logger in self.loggers:
            logger.log_metrics({f"train/{name}": value for name, value in values.items()}, step=self.iteration)

    def step_is_sound(self, values: Tensor | Typical) -> bool:
        """Return whether the values of this step, over all ranks, can be followed, and keep what is typical of them.

        Args:
            values: this rank's, of any shape, whose mean the step lowers; or what is typical of those of all ranks.

        Raises:
            TrainingError: they cannot, and no guard is there to undo the step.
        """
        step = values if isinstance(values, Typical) else typical(gather(values.detach().flatten()))
        self.step = step
        if math.isfinite(step.value) and step.worst <= self.lost_limit:
            return True
        if not self.guarded:
            raise TrainingError(
                f"{self.said()} at step {self.iteration}; {self.last_good()}; "
                "try a smaller learning_rate or another seed"
            )
        return False

    def weights_are_finite(self) -> bool:
        """Return whether every parameter of this rank is a finite number."""
        largest = torch._foreach_norm([p.detach() for p in self.parameters() if p.numel()], math.inf)
        return not largest or bool(torch.stack(largest).isfinite().all())

    def said(self) -> str:
        """Return in words what was found in the last step."""
        if self.step.worst > 0:
            return f"{self.quantity} is not finite in {100 * self.step.lost:.3g} % of the samples"
        return f"{self.quantity} is {self.step.value:.6g}"

    def last_good(self) -> str:
        """Return words that name the last checkpoint."""
        saver = self.trainer.checkpoint_callback
        path = getattr(saver, "last_model_path", "") or getattr(saver, "best_model_path", "")
        return f"the last good checkpoint is {path}" if path else "no checkpoint was written yet"

    # ---- the trainer

    def follow_learning_rate(self) -> None:
        """Let optimiser, schedule and record follow a `learning_rate` that was set after the optimiser was made."""
        made = self.init_args.get("learning_rate")
        if made is None or self.learning_rate == made:
            return
        self.learning_rate = self.init_args["learning_rate"] = float(self.learning_rate)
        schedules = [c.scheduler for c in self.trainer.lr_scheduler_configs if isinstance(c.scheduler, LambdaLR)]
        for schedule in schedules:
            schedule.base_lrs = [self.learning_rate if rate == made else rate for rate in schedule.base_lrs]
            groups = zip(schedule.optimizer.param_groups, schedule.base_lrs, schedule.lr_lambdas, strict=True)
            for group, base, factor in groups:
                group["initial_lr"], group["lr"] = base, base * factor(schedule.last_epoch)

    def setup(self, stage: str) -> None:
        """Refuse what the trainer was asked for and the model does not follow; take the trainer's precision.

        Raises:
            InputError: mixed or half precision, or another setting without an effect, see `check_settings`.
        """
        check_trainer(self, self.trainer)
        if stage == "fit" and self.trainer.precision == "32-true":
            if next(self.parameters()).dtype != torch.float32:
                log.warning("trainer.precision 32-true: the weights, float64, are trained in float32")
            self.float()
        if stage == "fit":
            self._started = False

    # ---- the state of its draws

    def on_fit_start(self) -> None:
        """Start or restore the source of all draws of the training."""
        self.follow_learning_rate()
        self.start_draws()

    def on_train_start(self) -> None:
        """Start the draws of a callback that trains before the fit begins, such as Lightning's LearningRateFinder.

        Raises:
            InputError: the fit continues a checkpoint, whose optimiser Lightning restores only after such a search.
        """
        if self._started:
            return
        if self._restored is not None:
            raise InputError(
                "trainer.callbacks: a search such as LearningRateFinder begins a new training, it continues none"
            )
        self.start_draws()

    def start_draws(self) -> None:
        """Start or restore the generator and what draws with it."""
        self._started = True
        self.generator = self.new_stream(TRAINING)
        restored, self._restored = self._restored, None
        if restored is None:
            self.start_training()
            return
        ranks = len(restored["generator"])
        if ranks == world_size():
            # a row view makes set_state crash, hence the clone
            self.generator.set_state(restored["generator"][self.global_rank].clone().cpu())
            self.restore_training({k: v[self.global_rank] for k, v in restored["state"].items()})
        else:
            if self.global_rank == 0:
                pooled = ", walkers are pooled, dealt again and warmed up" if restored["state"] else ""
                sizes = (world_size(), ranks)
                log.warning("resumed on %d ranks from a checkpoint of %d: draws start anew%s", *sizes, pooled)
            self.redistribute_training(restored["state"])

    def start_training(self) -> None:
        """Prepare draws of a new training; samplers start here."""

    def training_state(self) -> dict[str, Tensor]:
        """Return what this rank must keep to go on bit for bit, as tensors of the same shape on every rank."""
        return {}

    def restore_training(self, state: dict[str, Tensor]) -> None:
        """Take over this rank's `training_state`."""

    def redistribute_training(self, states: dict[str, Tensor]) -> None:
        """Take over the states of another number of ranks, stacked along their first axis."""
        self.start_training()

    def dealt(self, walkers: Tensor, size: int) -> Tensor:
        """Return this rank's `(size, n, dim)` of the walkers of other ranks `(ranks, walkers, n, dim)`, pooled."""
        pool = walkers.flatten(0, 1).to(next(self.parameters()))
        return pool[(self.global_rank * size + torch.arange(size, device=self.device)) % len(pool)]

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the recipe that rebuilds the model, and the state of all draws; runs on every rank."""
        checkpoint.pop("hyper_parameters", None)
        checkpoint["physgen"] = {
            "format": CHECKPOINT_VERSION,
            "version": __version__,
            **self.spec(),
        }
        # what the next record will average
        checkpoint["records"] = {k: [float(v) for v in values] for k, values in self._records.items()}
        checkpoint["means"] = {"latest": dict(self.latest), "averaged": self._averaged}
        if self._started:
            stacked = {k: gather(v[None].to(self.device)).cpu() for k, v in self.training_state().items()}
            own = self.generator.get_state()[None].to(self.device)
            checkpoint["draws"] = {"generator": gather(own).cpu(), "state": stacked}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the state of all draws until the training starts."""
        self._restored = checkpoint.get("draws")
        means = checkpoint.get("means", {})
        self.latest, self._averaged = dict(means.get("latest", {})), bool(means.get("averaged", False))
        if "loops" in checkpoint:
            checkpoint["loops"]["fit_loop"] = mended(checkpoint["loops"]["fit_loop"])
        self._records.clear()
        self._records.update({k: list(values) for k, values in checkpoint.get("records", {}).items()})
        narrow = self._trainer is not None and self.trainer.training and self.trainer.precision == "32-true"
        if not narrow:
            # weights are read before Lightning widens the model: without this they would pass through float32
            # in the precision that they were saved in; beside averaged weights lie those that are trained
            self.to(precision_of(checkpoint.get("current_model_state", checkpoint["state_dict"])))

    @classmethod
    @torch.inference_mode(False)  # whose tensors could never be trained
    def load_from_checkpoint(
        cls, checkpoint_path: str | Path, map_location: Any = "cpu", strict: bool = True, **overrides: Any
    ) -> Model:
        """Rebuild a trained model from a file; the class is looked up in the registry, nothing is imported or run.

        Args:
            checkpoint_path: file that a training or the zoo wrote.
            map_location: device of the weights, the CPU for None.
            strict: whether every weight must be there and fit.
            overrides: constructor arguments that replace those in the file.

        Raises:
            InputError: no such device or file, not a checkpoint of physgen, unsafe or damaged contents, an unknown or
                different class, or weights that do not fit.
        """
        device = check_device("map_location", map_location)
        checkpoint = read_checkpoint(checkpoint_path, device)
        recipe = checkpoint["physgen"]
        with of_a_newer_version(checkpoint_path, recipe):
            kind = Model.lookup(recipe["class_path"])
            if not issubclass(kind, cls):
                raise InputError(f"checkpoint {checkpoint_path} holds a {kind.__name__}, not a {cls.__name__}")
            with rebuilding():
                model = Model.of({"class_path": kind.__name__, "init_args": {**recipe["init_args"], **overrides}})
        weights = checkpoint["state_dict"]
        check_weights(checkpoint_path, weights, model)
        model.to(precision_of(weights))
        try:
            model.load_state_dict(weights, strict=strict)
        except RuntimeError:
            reason = misfit(weights, model.state_dict())
            raise InputError(f"checkpoint {checkpoint_path} does not fit {kind.__name__}: {reason}") from None
        return model.to(device).eval()

    def provenance(self) -> dict[str, Any]:
        """Return where a result comes from: model, system, sizes, versions."""
        return {
            "model": type(self).__name__,
            "system": self.system.label,
            "recipe": self.spec(),
            "parameters": sum(p.numel() for p in self.parameters()),
            "trained_precision": str(self._trained_dtype).removeprefix("torch."),
            "evaluated_precision": str(next(self.parameters()).dtype).removeprefix("torch."),
            "device": str(self.device),
            "iterations": self.global_step,
            "physgen": __version__,
            "torch": torch.__version__,
            "lightning": lightning.__version__,
        }
