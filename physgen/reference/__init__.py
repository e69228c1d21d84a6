"""Reference Monte Carlo of classical systems: exact within its error bars, cached, and a source of training data."""

from physgen.reference.cache import cache_folder, reference
from physgen.reference.monte_carlo import MonteCarlo, Settings
from physgen.reference.record import ReferenceRecord
from physgen.reference.samples import load_samples, save_samples

__all__ = [
    "MonteCarlo",
    "ReferenceRecord",
    "Settings",
    "cache_folder",
    "load_samples",
    "reference",
    "save_samples",
]
