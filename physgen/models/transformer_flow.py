"""Normalizing flow of transformer blocks on the geometry of particles, with all symmetries of the dot."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from physgen.core.errors import InputError, check, check_choice, check_integer, check_number
from physgen.core.ranks import summed
from physgen.models.block_flow import BlockFlow
from physgen.nn.flows.ginibre_ensemble import GinibreEnsemble, NormalCloud
from physgen.nn.flows.pair_attention import PairAttention
from physgen.nn.parts import Parts
from physgen.runs.result import Result
from physgen.systems import System

#: symmetries of the system that the map commutes with
NEEDED = ("permutation", "rotation", "reflection")
#: densities that z comes from
BASES = ("ginibre", "gaussian")


class TransformerFlow(BlockFlow):
    r"""Flow z -> x of blocks y -> y + D(y), D attention on pair geometry and a perceptron with tied weights.

    x = R + c e^s y_K,   y_k = y_{k-1} + D_k(y_{k-1}),   y_0 = z - mean z,   R ~ mean z

    z comes from the `base`: the Ginibre ensemble, whose particles repel each other as charges do, or independent normal
    particles. D commutes with permutations of the particles, rotations and reflections, and the base is invariant under
    them, so p(g x) = p(x) holds for any weights and no ln n! is lost. The centre of mass R has exactly its distribution
    N(0, 1/(2 n beta)); the blocks move the particles relative to it. ln |det dx/dz| is the sum of those of the blocks,
    each by factorisation of its exact Jacobian.

    A block is one-to-one wherever the symmetric part of its Jacobian is positive definite (a monotone map). No
    construction enforces it: the training adds `fold_penalty` for every eigenvalue of it below `margin`, and an
    evaluation counts draws with det < 0 in any block (then F_theta is "not a bound"), draws where a symmetric
    part is not positive definite, and inverts draws by Newton's method. `log_prob` of any x inverts block by block.
    Coupling layers, affine or spline, that are invertible by construction make up `TransformerCouplingFlow`.

    Sources: "Electrons in a Quantum Dot" (Fang and Mei), MLP + transformer; Vaswani et al., "Attention Is All You
    Need", arXiv:1706.03762; Behrmann et al., "Invertible Residual Networks", arXiv:1811.00995; Koehler, Klein and Noe,
    "Equivariant Flows", arXiv:2006.02425; the base: `GinibreEnsemble`.

    Args:
        system: a classical system of particles with permutation, rotation and reflection symmetry.
        blocks: K.
        heads: heads of the attention of every block.
        radii: functions of a particle's own distance to the centre in every block.
        hidden: units of the perceptron of every block.
        base: `ginibre`, for the plane alone, or `gaussian`; None is the first in the plane, the second elsewhere.
        radial: `bumps`, functions of r^2 on a grid, which see shells, or `ladder`, Gaussians about the centre.
        ranks: soft numbers of particles nearer to the centre, which every block sees besides.
        late_blocks: of the blocks, the last ones, that are the identity at first and learn from `late_from` on.
        late_from: part of the iterations after which the late blocks join.
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

    older: ClassVar[Mapping[str, Any]] = {"base": "gaussian", "radial": "ladder", "ranks": 0}

    def __init__(
        self,
        system: System,
        blocks: int = 6,
        heads: int = 6,
        radii: int = 14,
        hidden: int = 32,
        base: str | None = None,
        radial: str = "bumps",
        ranks: int = 2,
        late_blocks: int = 0,
        late_from: float = 0.5,
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
        n, dim = self.system.n, self.system.dim
        heads = heads if attention else 0
        reach = 1.05 * (dim + 2)  # just beyond the square radius of a homogeneous droplet of coordinates of variance 1
        self.net = Parts(PairAttention(heads, radii, hidden, 2.0, radial, ranks, reach) for _ in range(blocks))
        self.late_blocks = check_integer("late_blocks", late_blocks, 0, blocks - 1)
        self.late_from = check_number("late_from", late_from, 0, 1, "a number from 0 to 1")
        for block in self.net[blocks - late_blocks :]:
            block.make_identity()
        self.log_scale = nn.Parameter(torch.zeros(()))
        chosen = check_choice("base", base if base is not None else BASES[0 if dim == 2 else 1], BASES)
        check(dim == 2 or chosen == "gaussian", "base", base, "gaussian outside the plane")
        self.base = GinibreEnsemble(n) if chosen == "ginibre" else NormalCloud(n, dim)
        self.centre_gain = self.system.centre_width / (self.scale * self.base.centre_width)

    def without_effect(self) -> dict[str, str]:
        """Return what a map without attention, without a penalty or trained on samples alone does not ask for."""
        ignored = super().without_effect()
        if not self.init_args["attention"]:
            ignored["heads"] = "without attention"
        if self.late_blocks == 0:
            ignored["late_from"] = "without late_blocks"
        if self.fold_penalty == 0:
            ignored["margin"] = "with fold_penalty 0"
        if self.forward_fraction == 1:
            ignored |= dict.fromkeys(("margin", "fold_penalty"), "with forward_fraction 1")
        return ignored

    # ---- training and evaluation

    def penalty(self) -> Tensor | float:
        """Return the cost of eigenvalues below the margin."""
        waiting = [0 * p.sum() for block in self.net[len(self.net) - self.waiting :] for p in block.parameters()]
        return self.fold_penalty * self._excess + sum(waiting)  # so that all ranks have all gradients

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
