"""A user's file: the Rabi model, an oscillator with a two-level atom, and a wavefunction of two components."""

import torch
from torch.func import functional_call, jacrev, vmap

from physgen.core.ranks import summed
from physgen.models import WavefunctionModel
from physgen.objectives import VariationalEnergy
from physgen.systems import QuantumSystem, Reference


class Rabi(QuantumSystem):
    """H = p^2/2 + x^2/2 + g x sigma_x + d sigma_z/2."""

    n = dim = n_up = 1

    def __init__(self, g: float = 0.5, d: float = 0.6) -> None:
        self.g = g
        self.d = d

    def terms(self, x):
        return {"trap": 0.5 * x.square().sum((-1, -2))}

    def local_energy(self, wavefunction, x):
        """<psi|H psi>/<psi|psi> at x, whose mean over |psi|^2 is the energy."""
        direction, _ = wavefunction.log_psi(x)
        return {"total": (direction * wavefunction.hamiltonian(x)).sum(-1)}

    def references(self):
        return [Reference("energy", 0.1195551, 0.0, "exact", "diagonalisation in 60 oscillator states", exact=True)]


class Components(torch.nn.Module):
    """psi_c(x) = exp(-x^2/2) f_c(x), f an MLP; given as direction and ln of the norm."""

    def __init__(self, width):
        super().__init__()
        self.f = torch.nn.Sequential(torch.nn.Linear(1, width), torch.nn.Tanh(), torch.nn.Linear(width, 2))

    def psi(self, x):
        return torch.exp(-0.5 * x.square()) * self.f(x)

    def forward(self, x):
        psi = self.psi(x.flatten(1))
        norm = psi.norm(dim=-1, keepdim=True)
        return psi / norm, norm.log()[:, 0]


class Spinor(WavefunctionModel):
    """A wavefunction of two components."""

    def __init__(self, system, width: int = 16, **kwargs) -> None:
        super().__init__(system, **kwargs)
        self.net = Components(width)

    def hamiltonian(self, x):
        """(H psi)_c/|psi| `(batch, 2)`."""
        s, q = self.system, x.flatten(1)
        psi, curvature = self.net.psi(q), vmap(jacrev(jacrev(self.net.psi)))(q)[..., 0, 0]
        diagonal = 0.5 * q.square() + 0.5 * s.d * q.new_tensor([1.0, -1.0])
        return (-0.5 * curvature + diagonal * psi + s.g * q * psi.flip(-1)) / psi.norm(dim=-1, keepdim=True)

    def make_objective(self):
        return SpinorEnergy(self.clip)


class SpinorEnergy(VariationalEnergy):
    """Rows of the natural gradient per sample and component."""

    def rows(self, model, x, measured):
        direction, log = model.log_psi(x)
        parameters = dict(model.net.named_parameters())

        def psi(p, one):
            return functional_call(_Psi(model.net), {f"net.{k}": v for k, v in p.items()}, (one,))

        slopes = vmap(jacrev(psi), in_dims=(None, 0))(parameters, x.flatten(1))
        o = torch.cat([v.flatten(2) for v in slopes.values()], -1) / log.exp()[:, None, None]
        samples = summed(torch.ones(())) * len(x)
        mean = summed((direction[..., None] * o).sum((0, 1))) / samples
        energy = summed(measured.terms["total"].sum()) / samples
        o, e = o - direction[..., None] * mean, model.hamiltonian(x) - energy * direction
        return o.flatten(0, 1) / samples**0.5, e.flatten() / samples**0.5


class _Psi(torch.nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net.psi(x)
