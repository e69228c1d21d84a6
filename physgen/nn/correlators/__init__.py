"""Correlations of nucleons with spin and isospin."""
