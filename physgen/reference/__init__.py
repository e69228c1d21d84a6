"""Reference values: Monte Carlo of classical systems, cached; fixed-node diffusion Monte Carlo of quantum ones."""

from physgen.reference.cache import cache_folder, reference
from physgen.reference.fixed_node import DiffusionSettings, FixedNode
from physgen.reference.monte_carlo import MonteCarlo, Settings
from physgen.reference.record import ReferenceRecord
from physgen.reference.samples import load_samples, save_samples
from physgen.reference.zero_variance import zero_variance

__all__ = [
    "DiffusionSettings",
    "FixedNode",
    "MonteCarlo",
    "ReferenceRecord",
    "Settings",
    "cache_folder",
    "load_samples",
    "reference",
    "save_samples",
    "zero_variance",
]
