"""Normalizing flow by a plain multilayer perceptron, with an exact Jacobian."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from physgen.core.errors import check, check_integer
from physgen.models.checked_flow import CheckedFlow
from physgen.nn.flows.jacobian_mlp import JacobianMLP
from physgen.nn.flows.preimages import preimages
from physgen.nn.solve import solve
from physgen.spaces import FieldLattice, Free, Relative
from physgen.systems import System


class MLPFlow(CheckedFlow):
    r"""Flow z -> x by a multilayer perceptron of any widths, with the exact ln |det dx/dz|.

    ln p(x) = sum over preimages z of x of exp[ln N(z) - ln |det dx/dz|]

    A perceptron is no bijection by construction. Where it folds, the density printed with a draw keeps only the
    preimage that it came from, and F_theta is no bound: the sign of det dx/dz is watched at every draw, and both
    signs turn the result into "not a bound". `log_prob` finds all preimages by Newton's method and gives -inf outside
    the image. The map is labelled, so for identical particles it usually lives in one of the n! permutation
    sectors, which costs ln(n!)/beta in F; and the image is bounded when the activation is.

    Source: "Electrons in a Quantum Dot" (Fang and Mei), after Wang, "Machine learning for physicists", quantum dot
    exercise; Rezende and Mohamed, "Variational Inference with Normalizing Flows", arXiv:1505.05770.

    Args:
        system: a classical system.
        hidden: units of the hidden layers; inputs and outputs are the n dim coordinates.
        activation: `tanh`, `sigmoid`, `softplus` or `asinh`.
        start: `places` (every particle about a place of its own) or `cloud`, see `FlowModel.first_guess`.
        starts: starts of Newton's method in `log_prob`.
        **kwargs: arguments of the training, see `DensityModel`.

    Raises:
        InputError: an argument out of its range.
    """

    spaces = (Free, Relative, FieldLattice)
    full_support = False  # the image may be bounded, and Newton's method may find no preimage

    def __init__(
        self,
        system: System,
        hidden: Sequence[int] = (64, 64),
        activation: str = "tanh",
        start: str = "places",
        starts: int = 8,
        **kwargs: Any,
    ) -> None:
        super().__init__(system, **kwargs)
        self.starts = check_integer("starts", starts, 1)
        whole = isinstance(hidden, (list, tuple)) and all(type(w) is int and w >= self.size for w in hidden)
        # a narrower layer makes det dx/dz vanish everywhere
        check(whole, "hidden", hidden, f"a list of integers >= n dim = {self.size}")
        self.net = JacobianMLP([self.size, *hidden, self.size], activation)
        self.net.start_affine(*self.first_guess(start))
        n = self.system.n
        if self.net.bounded:
            self.notes.append(
                f"the image of a {activation} network is bounded: importance sampling misses what lies outside"
            )
        if "permutation" in self.system.symmetries and n > 1:
            cost = math.lgamma(n + 1) / self.system.beta
            self.notes.append(
                "the map is labelled: where it stays in one permutation sector, F_theta and the importance-sampled F "
                f"are those of that sector, ln(n!)/beta = {cost:.3f} above F"
            )

    def transform(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return f(z) `(batch, D)` and ln |det df/dz| `(batch,)`; signs of the determinant are kept."""
        y, log_det, sign = self.net(z)
        self._signs = sign.detach()
        return y, log_det

    def jacobian(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return f(z) and the transposed Jacobian `(batch, D, D)`."""
        return self.net.jacobian(z)

    def log_prob(self, x: Tensor) -> Tensor:
        """Return ln p `(batch,)` of any configurations `(batch, n, dim)`, summed over all preimages that are found.

        Newton's method starts from `starts` fixed Gaussian points in the dtype of the model (use float64); outside
        the image the result is -inf. Differentiable: a last Newton step carries the derivatives of the inverse map.
        """
        z, found = self.preimages(x.detach())
        row, _ = found.nonzero(as_tuple=True)
        z = z[found]
        if torch.is_grad_enabled():
            y, transposed = self.net.jacobian(z)
            miss = x.flatten(1).to(y)[row] / self.scale - y
            z = z + solve(transposed.detach().mT, miss.unsqueeze(-1))[..., 0]
        each = self.log_latent(z) - self.net(z)[1]
        nowhere = torch.where(x.flatten(1).isnan().any(-1), torch.nan, -torch.inf).to(each)
        return nowhere.unsqueeze(-1).expand(found.shape).masked_scatter(found, each).logsumexp(-1)

    def preimages(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return z `(batch, starts, D)` and which of them are distinct preimages of x `(batch, starts)`."""
        like = next(self.parameters())
        generator = torch.Generator().manual_seed(0)
        starts = torch.randn(self.starts, self.size, generator=generator, dtype=torch.float64)
        starts[0] = 0
        tolerance = 1e-9 if like.dtype == torch.float64 else 1e-4
        y = x.flatten(1).to(like) / self.scale
        return preimages(self.net.jacobian, y, starts, tolerance=tolerance, value_of=self.net.value)
