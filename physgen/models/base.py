"""What all models share: a system, draws of their own, checkpoints that rebuild them, and records."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch

from physgen.core.errors import InputError, check, check_integer
from physgen.core.full_precision import full_precision
from physgen.core.memory import keep_freed_memory
from physgen.core.registry import Registered
from physgen.models.clock import Clock
from physgen.models.followed_objective import FollowedObjective
from physgen.models.learning_rate import follow_learning_rate
from physgen.models.loading import rebuilt
from physgen.models.numpy_edge import OF_CONFIGURATIONS, gives_arrays, takes_arrays
from physgen.models.shown_headline import show_headline
from physgen.models.size_limit import SizeLimit
from physgen.models.trainer_settings import check_trainer
from physgen.spaces import Space
from physgen.systems import System

log = logging.getLogger("physgen")


#: methods that mixed precision never reaches: wavefunctions, densities, derivatives, maps, inverses, draws, steps
FULL_PRECISION = (
    *("log_psi", "derivatives", "local_energy", "jacobian", "forward"),
    *("log_prob", "log_prob_of_samples", "draw", "draw_fixed", "draw_with_score", "draw_pool", "sample"),
    *("transform", "transform_and_jacobian", "inverse", "preimages", "training_step"),
)


class Model(FollowedObjective, Registered):
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
    #: dtype that configurations are taken in; that of the weights unless given
    configurations_dtype: torch.dtype | None = None

    if TYPE_CHECKING:  # subclasses draw in their own ways: x, or x with ln p

        def sample(self, *args: Any, **kwargs: Any) -> Any:
            """Draw configurations from fresh draws of a model whose class is known at run time only."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in FULL_PRECISION:
            if name in cls.__dict__:
                setattr(cls, name, full_precision(cls.__dict__[name]))
        for name in OF_CONFIGURATIONS:
            if name in cls.__dict__:
                setattr(cls, name, takes_arrays(cls.__dict__[name]))
        if "sample" in cls.__dict__:
            setattr(cls, "sample", gives_arrays(cls.__dict__["sample"]))  # noqa: B010 bases need not have one

    def __init__(self, system: System, steps_per_epoch: int = 50) -> None:
        super().__init__()
        self.system = System.of(system)
        self.init_args["system"] = self.system
        where, known = type(self.system.space), " or ".join(kind.__name__ for kind in self.spaces)
        check(issubclass(where, self.spaces), "space of system", where.__name__, f"{known} for {type(self).__name__}")
        self.steps_per_epoch = check_integer("steps_per_epoch", steps_per_epoch, 1)
        self.notes: list[str] = []

    @classmethod
    def being_made(cls) -> SizeLimit:
        """Return the limit on what a constructor allocates."""
        return SizeLimit(cls.__name__)

    def train_dataloader(self) -> Clock:
        """Return the clock of one epoch, which is not cut in two by distributed samplers."""
        return Clock(self.steps_per_epoch)

    # ---- the trainer

    def setup(self, stage: str) -> None:
        """Refuse what the trainer was asked for and the model does not follow; take the trainer's precision.

        Raises:
            InputError: mixed or half precision, or another setting without an effect, see `check_settings`.
        """
        check_trainer(self, self.trainer)
        keep_freed_memory()
        show_headline(self.trainer.progress_bar_callback)
        if stage == "fit" and self.trainer.precision == "32-true":
            if next(self.parameters()).dtype != torch.float32:
                log.warning("trainer.precision 32-true: the weights, float64, are trained in float32")
            self.float()
        if stage == "fit":
            self._started = False
            source = self.trainer.fit_loop._data_source.instance
            if source is not None and source is not self:
                self.take_data(source)

    def take_data(self, source: Any) -> None:
        """Take notice that the training gets batches of samples, by a data module or a data loader.

        Raises:
            InputError: a model that learns from its Hamiltonian alone, unless it overrides this.
        """
        raise InputError(f"data must be left out: {type(self).__name__} learns from its Hamiltonian alone")

    def on_fit_start(self) -> None:
        """Follow a learning rate that was set late; start or restore the source of all draws of the training."""
        follow_learning_rate(self)
        super().on_fit_start()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add the recipe that rebuilds the model, and the state of all draws; runs on every rank."""
        for name in ("hyper_parameters", "hparams_name", "hparams_type"):  # the recipe says the same, and is safe
            checkpoint.pop(name, None)
        checkpoint["physgen"] = self.recipe()
        super().on_save_checkpoint(checkpoint)

    @classmethod
    def load_from_checkpoint(  # type: ignore[override]  # Lightning's arguments for files of hyperparameters are none
        cls, checkpoint_path: str | Path, map_location: Any = "cpu", strict: bool = True, **overrides: Any
    ) -> Self:
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
        return rebuilt(cls, checkpoint_path, map_location, strict, overrides)
