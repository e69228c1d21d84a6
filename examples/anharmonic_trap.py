import torch
from torch import nn

from physgen.models import WavefunctionModel
from physgen.systems import QuantumSystem, Reference


class AnharmonicTrap(QuantumSystem):  # one particle on the line, H = p^2/2 + x^2/2 + strength x^4
    n = dim = n_up = 1

    def __init__(self, strength: float = 0.1):
        self.strength = strength

    def terms(self, x):
        return {"trap": x.square().sum((1, 2)) / 2, "anharmonic": self.strength * x.pow(4).sum((1, 2))}

    def references(self):  # Hioe and Montroll, J. Math. Phys. 16, 1945 (1975)
        return [Reference("energy", 0.559146327184, 0.0, "exact", "Hioe 1975", True)] if self.strength == 0.1 else []


class Network(nn.Sequential):  # ln psi = perceptron(x^2) - x^2/2, whose sign is 1 everywhere
    def forward(self, x):
        square = x.square().sum((1, 2))
        return torch.ones_like(square), super().forward(square[:, None])[:, 0] - square / 2


class TrapNetwork(WavefunctionModel):
    def __init__(self, system: QuantumSystem, hidden: int = 16, **kwargs):
        super().__init__(system, **kwargs)
        self.net = Network(nn.Linear(1, hidden), nn.Tanh(), nn.Linear(hidden, 1))
