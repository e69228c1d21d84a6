"""Average of any density over a finite group of symmetries."""

from __future__ import annotations

import inspect
import math
from typing import Any

import torch
from torch import Tensor

from physgen.core.errors import InputError, check_choice
from physgen.core.registry import plain
from physgen.models.base import Model
from physgen.models.density import DensityModel
from physgen.models.invertible_mlp_flow import InvertibleMLPFlow
from physgen.models.numpy_edge import gives_arrays
from physgen.models.symmetry_gain import SymmetryGain
from physgen.objectives.reverse_kl import GRADIENTS
from physgen.runs.result import Result
from physgen.systems import ClassicalSystem, System

#: relative change of the energy under an element that still counts as rounding
TOLERANCE = 1e-9


class GroupAverage(DensityModel):
    r"""Density p averaged exactly over a finite group: p_sym(x) = 1/|G| sum_g p(g x).

    ln p_sym is a logsumexp over the images, a draw of p under a random element is a draw of p_sym. By the convexity of
    x ln x the free energy can only fall, and not by more than the entropy of the group,

    0 <= L - L_sym = <ln p - ln p_sym>_p / beta <= ln |G| / beta;

    the result shows this gain. The training minimises L_sym itself, so p may settle in one of the images.

    Around a model that is `checked`, p_sym is `checked` too. Its images need ln p where nothing was drawn, which that
    model finds by Newton's method: what the method misses lacks in p_sym, whose printed F is then too low. Of a draw
    the preimage is known, and since int p_sym = 1 - <share of p(x) that was missed>_p, the fraction of draws for which
    it does not find the density that they were drawn with is the mass that lacks. A single such draw, or one with the
    other sign of det dx/dz, turns the result into "not a bound".

    Source: "Electrons in a Quantum Dot" (Fang and Mei), symmetry; Wu, Wang and Zhang, "Solving Statistical Mechanics
    Using Variational Autoregressive Networks", arXiv:1809.10606.

    Args:
        system: a classical system with this symmetry.
        group: `reflection` (of the last coordinate), `Z2` (inversion), `C4` (quarter turns) or `C4v`; on a lattice
            `square`, `translation` or `torus`.
        model: the density that is averaged, of the same system; a fresh one takes no settings of the training but a
            penalty that keeps it invertible. InvertibleMLPFlow unless given.
        gradient: estimator of the gradient; `reparameterised` where the model allows it, else `score`, unless given.
        **kwargs: more arguments of the training, see `DensityModel`.

    Raises:
        InputError: an argument out of its range, a group that changes the energy, quarter turns in an odd dimension,
            a model of another system or without `log_prob`.
    """

    matrices: Tensor

    def __init__(
        self,
        system: System,
        group: str = "reflection",
        model: Model | None = None,
        gradient: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(system, gradient="score", **kwargs)
        matrices = self.system.space.group(group)
        violation = largest_change(self.system, matrices)
        if violation > TOLERANCE:
            raise InputError(
                f"group must be a symmetry of the system, got {group!r}, which changes the energy of "
                f"{self.system.label} by up to {violation:.2g} of itself"
            )
        inner = InvertibleMLPFlow(self.system) if model is None else Model.of(model)
        if not isinstance(inner, DensityModel):
            raise InputError(f"model must be a density with log_prob, got {type(inner).__name__}, which has none")
        if inner.system != self.system:
            raise InputError(f"model must be of the system {self.system!r}, got one of {inner.system!r}")
        if model is not None:
            self.init_args["model"] = inner
            check_untrained(inner)
        self.reparameterised = inner.reparameterised
        allowed = GRADIENTS if self.reparameterised else ("score",)
        self.gradient = check_choice("gradient", allowed[0] if gradient is None else gradient, allowed)
        self._cost: Tensor | float = 0.0
        self.inner, self.group, self.guarantee = inner, group, inner.guarantee
        self.configurations_dtype = inner.configurations_dtype
        self.register_buffer("matrices", matrices, persistent=False)
        self.notes += inner.notes

    @gives_arrays
    @torch.no_grad()
    def sample(self, num_samples: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Draw configurations `(num_samples, n, dim)` and their ln p_sym `(num_samples,)`."""
        x, plain = self.inner.draw_batch(num_samples, generator)
        signs = getattr(self.inner, "_signs", None)
        each = self.image_log_probs(x)
        log_prob = each.logsumexp(0) - math.log(len(each))
        #: ln p of the draws less ln p_sym, which the random element leaves as it is
        self._gain = plain - log_prob
        # the first image is the draw itself
        tolerance = 1e-6 if x.dtype == torch.float64 else 1e-2
        self._missed = (each[0] - plain).abs() > tolerance * (1 + plain.abs())
        if signs is not None:
            self._missed |= signs < 0 if (signs > 0).double().mean() >= 0.5 else signs > 0
        return self.system.space.random_images(x, self.matrices, generator), log_prob

    def log_prob(self, x: Tensor) -> Tensor:
        """Return ln p_sym `(batch,)` of any configurations `(batch, n, dim)`, differentiable."""
        each = self.image_log_probs(x)
        return each.logsumexp(0) - math.log(len(each))

    def image_log_probs(self, x: Tensor) -> Tensor:
        """Return ln p(g x) `(|G|, batch)` of the plain density for every element."""
        seen = self.system.space.images(x, self.matrices)
        return self.inner.log_prob(seen.flatten(0, 1)).view(len(seen), len(x))

    # ---- draws that gradients follow; the random element would change neither H nor ln p_sym

    def latent(self, num_samples: int, generator: torch.Generator | None) -> Tensor:
        """Draw latent variables of the model."""
        return self.inner.latent(num_samples, generator)

    def draw(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return x and ln p_sym(x), both differentiable in the parameters, of latent z."""
        x, _ = self.inner.draw(z)
        self._cost = self.inner.penalty()
        return x, self.log_prob(x)

    def draw_with_score(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return x, differentiable, with ln p_sym(x) and d ln p_sym/dx at fixed parameters, both held fixed."""
        with torch.enable_grad():
            x, _ = self.inner.draw(z)
            self._cost = self.inner.penalty()
            leaf = x.detach().requires_grad_(True)
            log_prob = self.log_prob(leaf)
            (score,) = torch.autograd.grad(log_prob.sum(), leaf)
        return x, log_prob.detach(), score

    def annealed(self, beta: float) -> None:
        """Let the model take notice of the inverse temperature of this iteration."""
        self.inner.annealed(beta)

    def penalty(self) -> Tensor | float:
        """Return the model's cost of being close to a fold, of draws that can be differentiated."""
        return self._cost

    # ---- evaluation

    def start_evaluation(self, generator: torch.Generator) -> None:
        """Measure the gain besides."""
        super().start_evaluation(generator)
        self._gains = SymmetryGain(self.system.beta, self.device)

    def measure(self, step: int) -> None:
        """Measure a batch, and what the average gains over the plain density."""
        super().measure(step)
        self._gains.update(self._gain, self._missed)

    def summary(self) -> Result:
        """Return the result with the free energy of the plain density and the gain of the average."""
        result = super().summary()
        self._gains.tell(result, self.group, len(self.matrices), watched=self.guarantee == "checked")
        return result


def check_untrained(inner: DensityModel) -> None:
    """Raise `InputError` for settings of the training of a fresh model, which an average around it never asks for."""
    if inner.rebuilt or inner._trainer is not None:  # they tell how it was trained by itself
        return
    for name in inspect.signature(DensityModel.__init__).parameters:
        value = inner.init_args.get(name)
        if name != "system" and name in inner.init_args and plain(value) != plain(inner.default(name)):
            raise InputError(f"{name} of model has no effect inside GroupAverage, which has its own, got {value!r}")


@torch.no_grad()
def largest_change(system: ClassicalSystem, group: Tensor) -> float:
    """Return the largest relative change of the energy of random configurations under elements of a group."""
    x = system.initial(64, torch.Generator().manual_seed(0), dtype=torch.float64)
    energy = system.energy(x)
    moved = system.energy(system.space.images(x, group).flatten(0, 1)).view(len(group), -1)
    return float(((moved - energy).abs() / (energy.abs() + 1e-12)).max())
