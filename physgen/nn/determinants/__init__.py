"""Determinants of orbitals, their bodies, heads and Jastrow factors."""
