"""Optimisers that know what a wavefunction is."""

from physgen.optim.muon import Muon
from physgen.optim.rayleigh_gauss_newton import RayleighGaussNewton
from physgen.optim.spring import Spring
from physgen.optim.stochastic_reconfiguration import StochasticReconfiguration

__all__ = ["Muon", "RayleighGaussNewton", "Spring", "StochasticReconfiguration"]
