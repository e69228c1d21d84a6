"""Samples and pairs that models learn from, as LightningDataModules."""

from physgen.data.pairs import Pairs
from physgen.data.samples import FileSamples, Samples, SystemSamples

__all__ = ["FileSamples", "Pairs", "Samples", "SystemSamples"]
