"""Normalizing flow of transformer blocks on the geometry of particles, with all symmetries of the dot."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from physgen.core.errors import InputError, check, check_integer, check_number
from physgen.core.ranks import summed
from physgen.models.block_flow import BlockFlow
from physgen.nn.flows.pair_attention import PairAttention
from physgen.nn.parts import Parts
from physgen.runs.result import Result
from physgen.systems import System

#: symmetries of the system that the map commutes with
NEEDED = ("permutation", "rotation", "reflection")


class TransformerFlow(BlockFlow):
    r"""Flow z -> x of blocks y -> y + D(y), D attention on pair geometry and a perceptron with tied weights.

    x = R + c e^s y_K,   y_k = y_{k-1} + D_k(y_{k-1}),   y_0 = z - mean z,   R = mean z / sqrt(2 beta)

    D commutes with permutations of the particles, rotations and reflections, and the Gaussian is invariant under them,
    so p(g x) = p(x) holds for any weights and no ln n! is lost. The centre of mass R has exactly its distribution
    N(0, 1/(2 n beta)); the blocks move the particles relative to it. ln |det dx/dz| is the sum of those of the blocks,
    each by factorisation of its exact Jacobian.

    A block is one-to-one wherever the symmetric part of its Jacobian is positive definite (a monotone map). No
    construction enforces it: the training adds `fold_penalty` for every eigenvalue of it below `margin`, and an
    evaluation counts draws with det < 0 in any block (then F_theta is "not a bound"), draws where a symmetric
    part is not positive definite, and inverts draws by Newton's method. `log_prob` of any x inverts block by block.
    Coupling layers, affine or spline, that are invertible by construction make up `TransformerCouplingFlow`.

    Sources: "Electrons in a Quantum Dot" (Fang and Mei), MLP + transformer; Vaswani et al., "Attention Is All You
    Need", arXiv:1706.03762; Behrmann et al., "Invertible Residual Networks", arXiv:1811.00995; Koehler, Klein and Noe,
    "Equivariant Flows", arXiv:2006.02425.

    Args:
        system: a classical system of particles with permutation, rotation and reflection symmetry.
        blocks: K.
        heads: heads of the attention of every block.
        radii: functions of a particle's own distance to the centre in every block.
        hidden: units of the perceptron of every block.
        attention: false leaves the perceptron alone, a map of one particle at a time about the centre of mass.
        margin: least eigenvalue of the symmetric part of a block's Jacobian that costs nothing.
        fold_penalty: cost, in nats, of an eigenvalue lower by one.
        gradient: estimator of the gradient.
        learning_rate: largest step of Adam.
        anneal_from: fraction of beta that the training starts at.
        **kwargs: more arguments of the training, see `DensityModel`.

    Raises:
        InputError: an argument out of its range, or a system without these symmetries.
    """

    def __init__(
        self,
        system: System,
        blocks: int = 6,
        heads: int = 6,
        radii: int = 4,
        hidden: int = 32,
        attention: bool = True,
        margin: float = 0.1,
        fold_penalty: float = 30.0,
        gradient: str = "path",
        learning_rate: float = 2e-3,
        anneal_from: float = 0.05,
        **kwargs: Any,
    ) -> None:
        super().__init__(system, gradient=gradient, learning_rate=learning_rate, anneal_from=anneal_from, **kwargs)
        missing = [name for name in NEEDED if name not in self.system.symmetries]
        if missing:
            raise InputError(
                f"system must have permutation, rotation and reflection symmetry for {type(self).__name__}, "
                f"{type(self.system).__name__} lacks {', '.join(missing)}"
            )
        if not hasattr(self.system, "centre_width"):
            raise InputError(
                f"system must have a centre of mass of known width, centre_width, for {type(self).__name__}, "
                f"got {self.system!r}"
            )
        check_integer("blocks", blocks, 1)
        check_integer("heads", heads, 1)
        check(isinstance(attention, bool), "attention", attention, "true or false")
        self.margin = check_number("margin", margin, 0, math.nextafter(1, 0), "a number in [0, 1)")
        self.fold_penalty = check_number("fold_penalty", fold_penalty, 0, allowed="a finite number >= 0")
        self.net = Parts(PairAttention(heads if attention else 0, radii, hidden) for _ in range(blocks))
        self.log_scale = nn.Parameter(torch.zeros(()))
        #: of the centre of mass, mean z -> gain * mean z, in units of the scale
        self.centre_gain = self.system.centre_width * self.system.n**0.5 / self.scale

    def without_effect(self) -> dict[str, str]:
        """Return what a map without attention, without a penalty or trained on samples alone does not ask for."""
        ignored = super().without_effect()
        if not self.init_args["attention"]:
            ignored["heads"] = "without attention"
        if self.fold_penalty == 0:
            ignored["margin"] = "with fold_penalty 0"
        if self.forward_fraction == 1:
            ignored |= dict.fromkeys(("margin", "fold_penalty"), "with forward_fraction 1")
        return ignored

    # ---- training and evaluation

    def penalty(self) -> Tensor | float:
        """Return the cost of eigenvalues below the margin."""
        return self.fold_penalty * self._excess

    def watched(self) -> dict[str, Any]:
        """Return how far eigenvalues of the last draws lie below the margin, besides."""
        return {**super().watched(), "below_margin": torch.as_tensor(self._excess).detach()}

    def start_evaluation(self, generator: torch.Generator) -> None:
        """Count draws where a block is not monotone besides."""
        super().start_evaluation(generator)
        self._evaluating, self._not_monotone = True, 0

    def measure(self, step: int) -> None:
        """Measure a batch, and count draws where the symmetric part of a block's Jacobian is not positive definite."""
        super().measure(step)
        self._not_monotone += int(self._bent.sum())

    def summary(self) -> Result:
        """Return the result with the figures of the checks of invertibility."""
        self._evaluating = False
        result = super().summary()
        counts = torch.tensor([self._not_monotone, self._total], dtype=torch.long, device=self.device)
        bent, total = summed(counts).tolist()
        x = self.measurements.x.flatten(0, 1)[-1000:].to(self.log_scale)
        z, found = self.inverse(x)
        error = float((self.shaped(self.transform(z)[0]) - x)[found].abs().max()) if bool(found.any()) else math.inf
        result.diagnostics["not_monotone"] = bent / total
        result.diagnostics["inverted"] = float(found.double().mean())
        result.diagnostics["round_trip"] = error
        result.notes.insert(
            1,
            f"a block is not monotone at {bent} of {total} draws; Newton's method inverts {int(found.sum())} of "
            f"{len(x)} draws, back to x within {error:.1e}",
        )
        return result
