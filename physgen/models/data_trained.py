"""Densities that can learn from samples of their system: where the samples come from."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor

from physgen.core.errors import InputError, check, check_integer, check_number
from physgen.core.random_streams import DATA, DRAWS
from physgen.core.registry import REBUILDING
from physgen.data.monte_carlo_samples import monte_carlo_samples, usual_data
from physgen.models.normalised import NormalisedModel
from physgen.objectives import ForwardKL
from physgen.runs.samples_file import load_samples
from physgen.samplers import Sampler
from physgen.samplers.base import check_moves
from physgen.systems import ClassicalSystem

#: letters of what a model says that it learned from
LONGEST = 200


class DataTrainedModel(NormalisedModel):
    """A density that is trained on Monte Carlo samples, or those of a file, in the first iterations or in all.

    Subclasses call `set_data`.
    """

    abstract = True
    system: ClassicalSystem
    batch_size: int
    #: whether p(x) > 0 for any x, as maximum likelihood needs
    full_support = True
    #: what a data module gave it to learn from, in words
    trained_on: str | None = None
    #: samples of that module that the training does not see
    unseen: Tensor | None = None
    #: samples of this iteration, where a data module or loader gives them
    given: Tensor | None = None

    def set_data(self, forward_fraction: float, data: Sampler | None, data_size: int, data_file: str | None) -> None:
        """Take the settings of the samples, see `DensityModel`."""
        check_number("forward_fraction", forward_fraction, 0, 1, "a number in [0, 1]")
        if forward_fraction > 0 and not self.full_support:
            raise InputError(f"forward_fraction must be 0 for {type(self).__name__}, whose p(x) may be 0 at a sample")
        self.forward_fraction = float(forward_fraction)
        self.data = Sampler.of(usual_data(self.system) if data is None else data, "data")
        self.init_args["data"] = None if data is None else self.data
        if self.forward_fraction > 0 and data_file is None:
            check_moves("data", self.data, self.system)
        self.data_size = check_integer("data_size", data_size, 1)
        self.data_file = data_file
        if data_file is not None and not REBUILDING.get():
            # a file that does not fit is refused before the training starts
            load_samples(data_file, self.system, "data_file")
        #: samples of this rank `(data_size, n, dim)`, from the first iteration that needs them
        self.pool: list[Tensor] = []

    def log_prob_of_samples(self, x: Tensor) -> Tensor:
        """Return ln p `(batch,)` of Monte Carlo samples, differentiable, as maximum likelihood trains it."""
        return self.log_prob(x)

    def draw_pool(self) -> Tensor:
        """Return Monte Carlo samples `(data_size, n, dim)`, float32, that depend on seed and rank alone.

        So a resumed training draws them again, and checkpoints stay small.
        """
        if self.data_file is not None:
            return load_samples(self.data_file, self.system, "data_file").to(self.device)
        return self.monte_carlo_samples(self.data_size, self.new_stream(DATA))

    def monte_carlo_samples(self, num: int, generator: torch.Generator) -> Tensor:
        """Return samples of the system `(num, *shape)`, float32: its own independent draws where it has them."""
        trainer = self._trainer
        shown = trainer is not None and trainer.progress_bar_callback is not None and trainer.is_global_zero
        sampler = Sampler.of(self.data.spec())
        return monte_carlo_samples(self.system, sampler, num, generator, self.device, shown)

    # ---- data of a data module

    def take_data(self, source: Any) -> None:
        """Learn from the batches of a data module or loader: in all iterations unless a part on own draws is asked for.

        Raises:
            InputError: p(x) may vanish at a sample, or the model has samples of its own already.
        """
        name = type(self).__name__
        if not self.full_support:
            raise InputError(f"data must be left out: p(x) of {name} may be 0 at a sample")
        if self.data_file is not None:
            raise InputError(f"data must be left out beside data_file, got {name}")
        if self.forward_fraction == 0:
            self.forward_fraction, self._objective = 1.0, None
        self.trained_on = getattr(source, "words", "samples of a data loader")
        held = getattr(source, "held", None)
        self.unseen = held if isinstance(held, Tensor) and len(held) else None

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Number this iteration, and keep the samples that a data module gives."""
        super().on_train_batch_start(batch, batch_idx)
        self.given = None if isinstance(batch, int) else self.samples_of(batch)

    def samples_of(self, batch: Any) -> Tensor:
        """Return the samples `(batch, *shape)` of a batch of a data loader, alone or first in a list.

        Raises:
            InputError: other than configurations of the system.
        """
        x: Tensor = batch[0] if isinstance(batch, (list, tuple)) and batch else batch
        check(isinstance(x, Tensor), "data", type(x).__name__, "tensors (batch, *shape)")
        if x is not self.given:
            self.system.space.check(x, "data")
        return x

    def configure_callbacks(self) -> list[Any]:
        """Add none, and keep Lightning from warning that a training without a data module validates nothing."""
        warnings.filterwarnings("ignore", message=".*defined a `validation_step` but have no `val_dataloader`.*")
        return []

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        """Log what the objective says of samples that the training does not see, as `val/...`."""
        with torch.inference_mode(False), torch.no_grad():
            x = self.samples_of(batch).clone()
            found: dict[str, Tensor] = self.objective_of_samples().validated(self, x)
        self.log_dict({f"val/{k}": v for k, v in found.items()}, batch_size=len(x), sync_dist=True, logger=False)
        if not self.trainer.sanity_checking:
            self.record({f"val_{k}": v for k, v in found.items()})

    def aside(self) -> torch.Generator:
        """Return a source of draws for records, which leaves those of the training as they are."""
        return self.new_stream(DRAWS, torch.initial_seed() + self.global_step)

    def objective_of_samples(self) -> Any:
        """Return the objective of the part of the training on samples."""
        return self.objective if hasattr(self.objective, "validated") else ForwardKL()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what it learned from."""
        super().on_save_checkpoint(checkpoint)
        if self.trained_on is not None:
            checkpoint["physgen"]["trained_on"] = self.trained_on

    def recall(self, recipe: dict[str, Any]) -> None:
        """Take over what a file says it learned from."""
        super().recall(recipe)
        said = recipe.get("trained_on")
        if isinstance(said, str) and len(said) < LONGEST and said.isprintable():
            self.trained_on = said

    def sample_batch(self) -> Tensor:
        """Return some of the samples `(batch, *shape)`, drawn at random, or those that a data module gives."""
        if self.given is not None:
            return self.reflected(self.given.to(self.device))
        if not self.pool:
            self.pool.append(self.draw_pool())
        x = self.pool[0]
        rows = torch.randint(len(x), (self.batch_size,), generator=self.generator, device=self.device)
        return self.reflected(x[rows])

    def reflected(self, x: Tensor) -> Tensor:
        """Return samples, or images of them under a symmetry of the system that the training should see too."""
        return x
