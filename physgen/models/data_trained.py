"""Densities that can learn from samples of their system: where the samples come from."""

from __future__ import annotations

import torch
from torch import Tensor

from physgen.core.errors import InputError, check_integer, check_number
from physgen.core.random_streams import DATA
from physgen.core.registry import REBUILDING
from physgen.models.base import Model
from physgen.models.boltzmann_density import monte_carlo_samples, usual_data
from physgen.runs.samples_file import load_samples
from physgen.samplers import Sampler
from physgen.samplers.base import check_moves
from physgen.systems import ClassicalSystem


class DataTrainedModel(Model):
    """A density that is trained on Monte Carlo samples, or those of a file, in the first iterations or in all.

    Subclasses call `set_data`.
    """

    abstract = True
    system: ClassicalSystem
    batch_size: int
    #: whether p(x) > 0 for any x, as maximum likelihood needs
    full_support = True

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

    def sample_batch(self) -> Tensor:
        """Return some of the samples `(batch, *shape)`, drawn at random."""
        if not self.pool:
            self.pool.append(self.draw_pool())
        x = self.pool[0]
        rows = torch.randint(len(x), (self.batch_size,), generator=self.generator, device=self.device)
        return self.reflected(x[rows])

    def reflected(self, x: Tensor) -> Tensor:
        """Return samples, or images of them under a symmetry of the system that the training should see too."""
        return x
