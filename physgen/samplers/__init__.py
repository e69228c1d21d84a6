"""Samplers: draw from any log-density, with their own generator and walkers."""

from physgen.samplers.base import LogDensity, Sampler
from physgen.samplers.gibbs import Gibbs
from physgen.samplers.mala import MALA
from physgen.samplers.metropolis import Metropolis
from physgen.samplers.parallel_tempering import ParallelTempering
from physgen.samplers.replica_exchange import Ladder, ReplicaExchange
from physgen.samplers.spin_flip import Checkerboard, SpinFlip
from physgen.samplers.wolff import Wolff

__all__ = [
    "MALA",
    "Checkerboard",
    "Gibbs",
    "Ladder",
    "LogDensity",
    "Metropolis",
    "ParallelTempering",
    "ReplicaExchange",
    "Sampler",
    "SpinFlip",
    "Wolff",
]
