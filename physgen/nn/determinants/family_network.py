"""One wavefunction of electrons for every frequency of a trap."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import linear as dense

from physgen.nn.determinants.message_passing import MessagePassing
from physgen.nn.determinants.modulation import Change, Modulation
from physgen.nn.determinants.neural_shells import NeuralShells
from physgen.nn.determinants.pade_jastrow import PadeJastrow
from physgen.nn.determinants.shell_filling import ShellFilling
from physgen.nn.determinants.slater import log_sum
from physgen.nn.determinants.smooth_jastrow import SmoothJastrow
from physgen.nn.forward_laplacian import differences, own_coordinates, pair_differences
from physgen.nn.stretch import stretched_length

#: numbers of a condition: Legendre polynomials of degree 1 and 2
CONDITION = 2


class FamilyNetwork(nn.Module):
    r"""A `DeterminantNetwork` of oscillator shells whose layers see the frequency of each walker.

    With $s \in [-1, 1]$ linear in $\ln \omega$ and $e = (s, s^2 - 1/3)$: layers of the messages, of the orbitals'
    corrections and of the smooth factor are a `Modulation` of e, weights of determinants are $w_k + W_k \cdot e$, the
    Gaussian's exponent and the denominators of the Jastrow factor the exponentials of linear functions of e, and its
    cusps are exact at every frequency: $a = \lambda \ell(\omega)/(d \mp 1)$ in units of the cloud's length. Walkers
    `(*, n + 1, dim)` hold electrons in that unit, and the frequency in the last row, by which nothing is
    differentiated.

    Args:
        n: electrons, as many with spin up as down, or one more; each spin fills shells.
        dim: dimensions.
        n_up: electrons with spin up.
        low: frequency at s = -1.
        high: frequency at s = 1.
        coupling: strength of the repulsion.
        repulsion: of the cloud over its energy, at omega = 1, see `stretched_length`.
        width: features of an electron.
        pair_width: features of a pair.
        layers: exchanges of messages.
        determinants: products of determinants that are summed.
        nonlinearity: name of the activation.

    Raises:
        InputError: open shells.
    """

    def __init__(
        self,
        n: int,
        dim: int,
        n_up: int,
        low: float,
        high: float,
        coupling: float,
        repulsion: float,
        width: int,
        pair_width: int,
        layers: int,
        determinants: int,
        nonlinearity: str = "tanh",
    ) -> None:
        super().__init__()
        self.centre, self.reach = 0.5 * math.log(low * high), 0.5 * math.log(high / low)
        self.coupling, self.repulsion = coupling, repulsion
        self.body = MessagePassing(n, dim, n_up, width, pair_width, layers, nonlinearity)
        self.orbitals = NeuralShells(ShellFilling(n, dim, n_up), width, determinants)
        self.jastrow, self.smooth = PadeJastrow(n, dim, n_up, 1.0), SmoothJastrow(width)
        self.jastrow.raw.data.zero_()  # here the logarithm of what b starts with is multiplied by
        places = {"particle": (width, 1), "pair": (pair_width, 2), "orbitals": (width, 1), "smooth": (width, 1)}
        places |= {f"message{k}": (width, 1) for k in range(layers)}
        places |= {f"pair{k}": (pair_width, 2) for k in range(layers - 1)}
        self.modulation = Modulation(places, CONDITION, first=("particle", "pair"))
        self.weights = nn.Parameter(torch.full((determinants,), 1 / determinants))
        self.log_alpha = nn.Parameter(torch.zeros(1))
        sizes = {"weights": determinants, "log_alpha": 1, "raw": 2}
        self.slopes = nn.ParameterDict({name: torch.zeros(size, CONDITION) for name, size in sizes.items()})

    def parts(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Change]:
        """Return places `(*, n, dim)`, frequencies `(*)`, conditions `(*, 2)` and what those change."""
        omega = x[..., -1, 0].detach()
        s = (omega.log() - self.centre) / self.reach
        condition = torch.stack([s, s.square() - 1 / 3], -1)
        return x[..., :-1, :], omega, condition, self.modulation(condition)

    def factors(self, omega: Tensor, condition: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        r"""Return exponents `(*)` of the Gaussian, and cusps and denominators `(*, pairs)`, in units of the length."""
        length = stretched_length(omega, self.repulsion)
        quanta = omega * length.square()
        log_alpha = self.log_alpha + dense(condition, self.slopes["log_alpha"])
        alpha = quanta * log_alpha.squeeze(-1).exp()
        strength = self.coupling * omega.rsqrt()
        start = 0.5 * strength.clamp_min(1.0).sqrt() * quanta.sqrt()
        raw = self.jastrow.raw + dense(condition, self.slopes["raw"])
        b = start.unsqueeze(-1) * raw.exp()
        cusp = (self.coupling * length).unsqueeze(-1) * self.jastrow.cusp
        return alpha, cusp, b[..., self.jastrow.kind]

    def determinant_weights(self, condition: Tensor) -> Tensor:
        """Return the weights of the determinants `(*, K)`."""
        return self.weights + dense(condition, self.slopes["weights"])

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return sign and ln|psi|, `(*)` each, of `x` `(*, n + 1, dim)`."""
        places, omega, condition, change = self.parts(x)
        h = self.body(places, differences(places), change)
        orbitals = self.orbitals(change("orbitals", h), places)
        sign, log = log_sum(orbitals, self.determinant_weights(condition))
        alpha, cusp, b = self.factors(omega, condition)
        smooth = self.smooth(h, change).sum((-1, -2))
        log = log - 0.5 * alpha * places.square().sum((-1, -2)) + self.jastrow(places, cusp, b) + smooth
        return sign, log

    @torch.no_grad()
    def derivatives(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return gradient `(batch, n + 1, dim)`, 0 in the last row, and Laplacian `(batch,)` of ln|psi|."""
        places, omega, condition, change = self.parts(x)
        own = own_coordinates(places)
        h = self.body(own, pair_differences(places), change)
        jet = log_sum(self.orbitals(change("orbitals", h), own), self.determinant_weights(condition))
        smooth = self.smooth(h, change).stack.sum((-1, -2))
        rows = (jet.rows + smooth[2:]).T.reshape(places.shape)
        alpha, cusp, b = self.factors(omega, condition)
        more, curvature = self.jastrow.derivatives(places, cusp, b)
        gradient = rows + more - alpha[:, None, None] * places
        laplacian = jet.laplacian + smooth[1] + curvature - alpha * places.shape[1:].numel()
        return torch.cat([gradient, torch.zeros_like(x[:, -1:])], 1), laplacian


class MemberNetwork(nn.Module):
    """The wavefunction of one frequency of a family, in units of the oscillator's length.

    Args:
        family: the wavefunction of all.
        omega: the frequency.
    """

    def __init__(self, family: FamilyNetwork, omega: float) -> None:
        super().__init__()
        self.family, self.omega = family, omega
        label = torch.tensor(omega, dtype=torch.float64)
        #: oscillator's length in units of the cloud's
        self.unit = float(label.rsqrt() / stretched_length(label, family.repulsion))

    def labelled(self, x: Tensor) -> Tensor:
        """Return walkers of the family `(*, n + 1, dim)` of places `(*, n, dim)`."""
        return torch.cat([x * self.unit, torch.full_like(x[..., :1, :], self.omega)], -2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return sign and ln|psi|, `(*)` each, of `x` `(*, n, dim)`."""
        found: tuple[Tensor, Tensor] = self.family(self.labelled(x))
        return found

    @torch.no_grad()
    def derivatives(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return gradient `(batch, n, dim)` and Laplacian `(batch,)` of ln|psi|."""
        gradient, laplacian = self.family.derivatives(self.labelled(x))
        return gradient[:, :-1] * self.unit, laplacian * self.unit**2
