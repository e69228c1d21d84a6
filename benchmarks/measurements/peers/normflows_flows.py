"""normflows' RealNVP and residual flow."""

from __future__ import annotations

import normflows as nf
import torch
from torch import Tensor, nn

from benchmarks.measurements.peers.peer import Peer
from physgen.systems import ClassicalDot


class RealNVP(Peer):
    """Affine coupling layers with random masks (Dinh, Sohl-Dickstein and Bengio, arXiv:1605.08803)."""

    name = "normflows RealNVP"

    def __init__(self, system: ClassicalDot, start: str) -> None:
        super().__init__(system, start)
        self.layers = nn.ModuleList()
        for _ in range(4):
            half = torch.randperm(self.size) % 2
            for mask in (half, 1 - half):
                scale, shift = (nf.nets.MLP([self.size, 128, 128, self.size], init_zeros=True) for _ in range(2))
                self.layers.append(nf.flows.MaskedAffineFlow(mask, shift, scale))

    def carry(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return the map and its log-determinant, layer by layer."""
        total = z.new_zeros(len(z))
        for layer in self.layers:
            z, log_det = layer(z)
            total = total + log_det
        return z, total


class Residual(RealNVP):
    """Residual flow with spectral normalisation (Chen, Behrmann, Duvenaud and Jacobsen, arXiv:1906.02735).

    The training takes the unbiased stochastic log-determinant of the library; draws that are measured take the exact
    one, of the Jacobian of every block.
    """

    name = "normflows Residual"

    def __init__(self, system: ClassicalDot, start: str) -> None:
        Peer.__init__(self, system, start)
        self.layers = nn.ModuleList()
        for _ in range(6):
            net = nf.nets.LipschitzMLP([self.size, 128, 128, self.size], init_zeros=True, lipschitz_const=0.9)
            self.layers.append(nf.flows.Residual(net, reverse=False))

    def after_step(self) -> None:
        """Bring the spectral norms up to date."""
        nf.utils.update_lipschitz(self.layers, 5)

    @torch.no_grad()
    def sample(self, num_samples: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Draw x and ln p with exact Jacobians."""
        start = z = self.latent(num_samples, generator)
        total = z.new_zeros(len(z))
        eye = torch.eye(self.size, dtype=z.dtype)
        for layer in self.layers:
            net = layer.iresblock.nnet
            with torch.enable_grad():
                leaf = z.detach().requires_grad_(True)
                moved = net(leaf)
                rows = [torch.autograd.grad(column.sum(), leaf, retain_graph=True)[0] for column in moved.unbind(1)]
            total += torch.linalg.slogdet(torch.stack(rows, 1) + eye)[1]
            z = z + moved.detach()
        return self.placed(start, z, total)
