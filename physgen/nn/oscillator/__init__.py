"""States of harmonic oscillators: functions, symmetric combinations, thermal kernels."""
