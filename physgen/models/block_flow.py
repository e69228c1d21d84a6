"""Flows of residual blocks about the centre of mass: the map, its Jacobian and its inverse."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from physgen.models.checked_flow import CheckedFlow
from physgen.nn.flows.ginibre_ensemble import Cloud
from physgen.nn.flows.log_determinant import log_determinant
from physgen.nn.flows.pair_attention import PairAttention
from physgen.nn.flows.residual_inverse import residual_inverse
from physgen.nn.parts import Parts
from physgen.nn.solve import solve


class BlockFlow(CheckedFlow):
    r"""Flow z -> x of blocks y -> y + D(y) that leave the centre of mass, which has a gain of its own.

    $\ln |\det dx/dz|$ is the sum of those of the blocks, each by factorisation of its exact Jacobian; the inverse goes
    block by block by Newton's method. Subclasses set what is annotated here.
    """

    abstract = True
    net: Parts[PairAttention]
    #: density that z comes from
    base: Cloud
    log_scale: nn.Parameter
    #: of the centre of mass, mean z -> gain * mean z, in units of the scale
    centre_gain: float
    #: least eigenvalue of the symmetric part of a block's Jacobian that costs nothing
    margin: float
    #: cost, in nats, of an eigenvalue lower by one
    fold_penalty: float
    #: how many blocks, the last ones, are the identity at first, and the part of the iterations after which they learn
    late_blocks: int
    late_from: float
    #: last blocks that are still the identity, and are left out
    waiting = 0
    #: whether draws are counted where a block is not monotone
    _evaluating = False

    def latent(self, num_samples: int, generator: torch.Generator | None) -> Tensor:
        """Draw z `(num_samples, D)` from the base."""
        return self.base.draw(num_samples, next(self.parameters()), generator).flatten(1)

    def log_latent(self, z: Tensor) -> Tensor:
        """Return ln of the base's density - D ln c `(batch,)`."""
        particles = z.view(-1, self.system.n, self.system.dim)
        return self.base.log_prob(particles) - self.size * math.log(self.scale)

    def annealed(self, beta: float) -> None:
        """Let the late blocks join when their time has come."""
        done, length = self.schedule.own_part()
        self.waiting = self.late_blocks if done < self.late_from * length else 0

    def joined(self, done: int, length: int) -> int:
        """Return when the last blocks began to learn: late ones wait."""
        begin = math.ceil(self.late_from * length) if self.late_blocks else 0
        return begin if done >= begin else 0

    def relative(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return coordinates `(batch, n, dim)` about the centre of mass, and the centre `(batch, 1, dim)`."""
        y = y.view(-1, self.system.n, self.system.dim)
        centre = y.mean(1, keepdim=True)
        return y - centre, centre

    def passed(self, z: Tensor, keep: bool) -> tuple[Tensor, Tensor, Tensor]:
        """Return f(z), ln |det df/dz| and, if `keep`, the Jacobian, else 1; signs and the excess are left behind."""
        y, centre = self.relative(z)
        eye = torch.eye(self.size, dtype=z.dtype, device=z.device)
        free = (self.system.n - 1) * self.system.dim
        log_det: Tensor = free * self.log_scale + self.system.dim * math.log(self.centre_gain)
        full, excess = eye, z.new_zeros(())
        sign, bent = (torch.full((len(z),), value, device=z.device) for value in (True, False))
        watch = self.training and torch.is_grad_enabled() and self.fold_penalty > 0
        for block in self.net[: len(self.net) - self.waiting]:
            shift, jacobian = block.jacobian(y)
            jacobian = eye + jacobian
            value, own = log_determinant(jacobian)
            log_det, sign = log_det + value, sign & (own > 0)
            if watch:
                excess = excess + self.below_margin(jacobian)
            if self._evaluating:
                bent = bent | (torch.linalg.cholesky_ex(0.5 * (jacobian + jacobian.mT)).info > 0)
            if keep:
                full = jacobian.detach() @ full
            y = y + shift
        # a block on the other sheet is a fold, even if a second one makes the product positive
        self._signs, self._excess, self._bent = 2.0 * sign - 1.0, excess, bent
        gain = self.log_scale.exp()
        if keep:
            # blocks leave the centre alone, which has a gain of its own; their order (a, i) becomes (i, a)
            n, dim = self.system.n, self.system.dim
            full = gain.detach() * full.view(-1, dim, n, dim, n).permute(0, 2, 1, 4, 3)
            full = full + (self.centre_gain - gain.detach()) / n * torch.eye(dim).to(z).view(dim, 1, dim)
            full = full.reshape(-1, self.size, self.size)
        return (gain * y + self.centre_gain * centre).flatten(1), log_det, full

    def below_margin(self, jacobian: Tensor) -> Tensor:
        """Return the mean over the batch of how far eigenvalues of the symmetric part lie below the margin."""
        symmetric = 0.5 * (jacobian + jacobian.mT) - self.margin * torch.eye(self.size).to(jacobian)
        rows = torch.linalg.cholesky_ex(symmetric.detach()).info.nonzero()[:, 0]
        if not len(rows):
            return symmetric.new_zeros(())
        below: Tensor = torch.relu(-torch.linalg.eigvalsh(symmetric[rows]))
        return below.sum() / len(symmetric)

    def transform(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return f(z) `(batch, D)` and ln |det df/dz| `(batch,)`; signs of the determinants are kept."""
        return self.passed(z, keep=False)[:2]

    def transform_and_jacobian(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return f(z), ln |det df/dz| and the transposed Jacobian, held fixed, in one pass."""
        y, log_det, full = self.passed(z, keep=True)
        return y, log_det, full.mT

    def jacobian(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return f(z) and the transposed Jacobian `(batch, D, D)`, held fixed."""
        y, _, transposed = self.transform_and_jacobian(z)
        return y, transposed

    @torch.no_grad()
    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return z `(batch, D)` with c f(z) = x, block by block, and whether all blocks were inverted `(batch,)`."""
        y, centre = self.relative(x.to(self.log_scale) / self.scale)
        y = y * torch.exp(-self.log_scale)
        found = torch.ones(len(y), dtype=torch.bool, device=y.device)
        for block in reversed(self.net):
            y, own = residual_inverse(block.jacobian, y, tolerance=1e-11 if y.dtype == torch.float64 else 1e-5)
            found &= own
        return (y + centre / self.centre_gain).flatten(1), found

    def log_prob(self, x: Tensor) -> Tensor:
        """Return ln p `(batch,)` of any configurations `(batch, n, dim)`, differentiable; -inf where no z was found."""
        z, found = self.inverse(x)
        z = torch.where(found.unsqueeze(-1), z, 0.0)  # so that no row spoils the gradient of the others
        if torch.is_grad_enabled():
            # a Newton step whose value is nothing and whose derivatives are those of the inverse map
            y, _, transposed = self.transform_and_jacobian(z)
            miss = x.flatten(1).to(y) / self.scale - y
            z = z + solve(transposed.mT, miss.unsqueeze(-1))[..., 0]
        log_prob = self.log_latent(z) - self.transform(z)[1]
        nowhere = torch.where(x.flatten(1).isnan().any(-1), torch.nan, -torch.inf).to(log_prob)
        return torch.where(found & log_prob.isfinite(), log_prob, nowhere)
