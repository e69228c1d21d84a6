"""Fixed-node diffusion Monte Carlo, guided by a wavefunction of the zoo."""

from physgen.dmc.fixed_node import DiffusionSettings, FixedNode

__all__ = ["DiffusionSettings", "FixedNode"]
