"""zuko's autoregressive flows, in the direction in which drawing takes one pass, as an energy needs it."""

from __future__ import annotations

import zuko
from torch import Tensor

from benchmarks.measurements.peers.peer import Peer
from physgen.systems import ClassicalDot


class ZukoMAF(Peer):
    """Masked autoregressive flow with affine maps (Papamakarios, Pavlakou and Murray, arXiv:1705.07057)."""

    name = "zuko MAF"

    def __init__(self, system: ClassicalDot, start: str) -> None:
        super().__init__(system, start)
        self.flow = self.build()

    def build(self) -> zuko.flows.Flow:
        """Return the flow."""
        return zuko.flows.MAF(self.size, transforms=5, hidden_features=(128, 128))

    def carry(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return the map and its log-determinant."""
        return self.flow.transform().call_and_ladj(z)


class ZukoNSF(ZukoMAF):
    """The same with rational-quadratic splines (Durkan, Bekasov, Murray and Papamakarios, arXiv:1906.04032)."""

    name = "zuko NSF"

    def build(self) -> zuko.flows.Flow:
        """Return the flow."""
        return zuko.flows.NSF(self.size, bins=8, transforms=3, hidden_features=(128, 128))
