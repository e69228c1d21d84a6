"""Conditionals of one place after another, normalised by construction."""
