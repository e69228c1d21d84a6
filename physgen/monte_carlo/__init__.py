"""Reference Monte Carlo of classical systems: energies, free energies, densities and training samples; cached."""

from physgen.monte_carlo.cache import cache_folder, reference
from physgen.monte_carlo.chains import MonteCarlo
from physgen.monte_carlo.record import ReferenceRecord
from physgen.monte_carlo.settings import Settings
from physgen.runs.samples_file import load_samples, save_samples

__all__ = ["MonteCarlo", "ReferenceRecord", "Settings", "cache_folder", "load_samples", "reference", "save_samples"]
