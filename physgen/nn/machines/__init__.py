"""Boltzmann machines: visible and hidden units."""
