"""Samples and pairs that models learn from, as LightningDataModules."""

from physgen.data.pairs import Pairs

__all__ = ["Pairs"]
