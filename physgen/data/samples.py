"""Samples that densities learn from, as LightningDataModules: arrays, files, and draws of a system."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from lightning import LightningDataModule
from torch import Tensor

from physgen.core.errors import InputError, check, check_integer, check_number
from physgen.core.random_streams import DATA, stream
from physgen.core.ranks import rank, world_size
from physgen.core.registry import Registered
from physgen.data.batches import Batches
from physgen.data.monte_carlo_samples import monte_carlo_samples, usual_data
from physgen.runs.samples_file import load_samples
from physgen.samplers import Sampler
from physgen.samplers.base import check_moves
from physgen.systems import ClassicalSystem, System

#: rows of a batch where neither the data nor the model say
BATCH = 256


class Samples(Registered, LightningDataModule):
    """Samples of an array, split in a training and a validation part; such as draws of another model.

        >>> x = physgen.load_pretrained("quantum-dot-2d-n2-omega1/rbm-symmetric").sample(10_000)  # doctest: +SKIP
        >>> trainer.fit(model, datamodule=Samples(x))  # doctest: +SKIP

    One epoch is one pass over the training part, in an order by `seed`. The validation part is measured after every
    epoch, and by the evaluation as the samples that the training has not seen.

    Args:
        x: samples `(N, *shape)`.
        validation: share of them that is kept out of the training, in [0, 0.9], drawn at random.
        batch_size: rows of a batch on each rank, that of the model unless given.
        seed: of the split and of the order.

    Raises:
        InputError: an argument out of its range; once the model is known, samples that do not fit its system, or none.
    """

    def __init__(self, x: Any, validation: float = 0.1, batch_size: int | None = None, seed: int = 0) -> None:
        super().__init__()
        self.prepare_split(validation, batch_size, seed)
        try:
            self.x = torch.as_tensor(x if isinstance(x, Tensor) else np.asarray(x)).float()
        except (TypeError, ValueError, RuntimeError):
            raise InputError(f"x must be real numbers (N, ...), got {type(x).__name__}") from None

    def prepare_split(self, validation: float, batch_size: int | None, seed: int) -> None:
        """Check and keep what all sources share."""
        super().__init__()
        self.validation = check_number("validation", validation, 0.0, 0.9, "a number from 0 to 0.9")
        self.batch_size = None if batch_size is None else check_integer("batch_size", batch_size, 2)
        self.seed = check_integer("seed", seed, 0)
        self.trained: Tensor | None = None
        self.held: Tensor | None = None
        #: batches of the training, and where those of a checkpoint were left
        self.batches: Batches | None = None
        self.reached: dict[str, int] | None = None

    @property
    def words(self) -> str:
        """What the samples are, for results."""
        return "samples of an array"

    def samples_for(self, system: System) -> Tensor:
        """Return the samples `(N, *shape)`, float32, for a system.

        Raises:
            InputError: they do not fit it.
        """
        system.space.check(self.x, "x")
        return self.x

    # ---- Lightning

    def setup(self, stage: str) -> None:
        """Draw or read the samples for the system of the model that is trained, once, and split them."""
        if self.trained is not None or self.trainer is None:
            return
        model: Any = self.trainer.lightning_module
        if not hasattr(model, "system"):
            raise InputError(f"data are samples of a system, which {type(model).__name__} has not")
        x = self.samples_for(model.system)
        held = round(self.validation * len(x))
        least = 2 * world_size()
        check(len(x) - held >= least, "data", f"{len(x) - held} samples to train on", f"at least {least}")
        order = torch.randperm(len(x), generator=torch.Generator().manual_seed(self.seed))
        self.held, self.trained = x[order[:held]], x[order[held:]]

    def part(self, x: Tensor, seed: int | None) -> Batches:
        """Return batches of this rank."""
        model: Any = None if self.trainer is None else self.trainer.lightning_module
        size: Any = self.batch_size or getattr(model, "batch_size", BATCH)
        return Batches(x, size, seed, rank(), world_size())

    def train_dataloader(self) -> Batches:
        """Return shuffled batches of the training part."""
        assert self.trained is not None
        self.batches = self.part(self.trained, self.seed)
        if self.reached is not None:
            self.batches.load_state_dict(self.reached)
        return self.batches

    def val_dataloader(self) -> Batches | Sequence[Any]:
        """Return batches of the validation part, nothing if it is empty."""
        return [] if self.held is None or len(self.held) < world_size() else self.part(self.held, None)

    def state_dict(self) -> dict[str, Any]:
        """Return how many samples there are and their sum, by which a resumed training knows them, and what is next."""
        if self.trained is None:
            return {}
        next_ones = {} if self.batches is None else {"next": self.batches.state_dict()}
        return {"rows": len(self.trained), "sum": float(self.trained.double().sum()), **next_ones}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with the batch that comes next.

        Lightning restores loaders only where it has not counted their batches before, as schedules need it.

        Raises:
            InputError: other samples than the training began with.
        """
        if not state:
            return
        own = self.state_dict()
        if own and any(own[name] != state[name] for name in ("rows", "sum")):
            said = [f"{held['rows']} samples of sum {held['sum']:.9g}" for held in (state, own)]
            raise InputError(f"data must be those that the training began with, {said[0]}, got {said[1]}")
        self.reached = state.get("next")
        if self.batches is not None and self.reached is not None:
            self.batches.load_state_dict(self.reached)


class FileSamples(Samples):
    """Samples of an npz file of one's own, or of `predict` and `reference --samples`.

    Args:
        file: npz file with `x` `(N, *shape)`.
        validation: share that is kept out of the training.
        batch_size: rows of a batch on each rank, that of the model unless given.
        seed: of the split and of the order.

    Raises:
        InputError: an argument out of its range; once the model is known, a file that lacks `x`, of another shape, with
            numbers that are not finite or that its sites cannot hold.
    """

    def __init__(self, file: str, validation: float = 0.1, batch_size: int | None = None, seed: int = 0) -> None:
        self.prepare_split(validation, batch_size, seed)
        check(isinstance(file, str) and bool(file), "file", file, "the path of an npz file")
        self.file = file

    @property
    def words(self) -> str:
        """The name of the file."""
        return f"samples of {self.file.rpartition('/')[2]}"

    def samples_for(self, system: System) -> Tensor:
        """Return the samples of the file, checked."""
        return load_samples(self.file, system, "data.file")


class SystemSamples(Samples):
    """Samples of the model's own system: its independent draws where it has them, such as bars and stripes, else Monte
    Carlo, by clusters of spins on a lattice and MALA chains of particles unless a sampler is given.

    Args:
        size: how many.
        sampler: of the Monte Carlo.
        validation: share that is kept out of the training.
        batch_size: rows of a batch on each rank, that of the model unless given.
        seed: of the draws, the split and the order.

    Raises:
        InputError: an argument out of its range, or a system that the sampler cannot move.
    """

    def __init__(
        self,
        size: int = 100_000,
        sampler: Sampler | None = None,
        validation: float = 0.1,
        batch_size: int | None = None,
        seed: int = 0,
    ) -> None:
        self.prepare_split(validation, batch_size, seed)
        self.size = check_integer("size", size, 4)
        self.sampler = None if sampler is None else Sampler.of(sampler)

    @property
    def words(self) -> str:
        """How they are drawn."""
        return "Monte Carlo samples"

    def samples_for(self, system: System) -> Tensor:
        """Draw the samples."""
        if not isinstance(system, ClassicalSystem):
            raise InputError(f"system must be a classical one, whose samples are drawn, got {type(system).__name__}")
        sampler: Any = usual_data(system) if self.sampler is None else Sampler.of(self.sampler.spec())
        if not hasattr(system, "draw"):
            check_moves("data.sampler", sampler, system)
        place = torch.device("cpu")
        generator = stream(self.seed, 0, DATA, place)
        return monte_carlo_samples(system, sampler, self.size, generator, place, shown=False)
