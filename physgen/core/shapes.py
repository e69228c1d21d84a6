"""Tensors by the names of their axes; where an annotation names them, tests compare them with what is computed.

Axes of one name are equal within a call; `*shape` stands for any number of axes, none too.
"""

from __future__ import annotations

from typing import Annotated

from torch import Tensor

#: configurations of any space
Points = Annotated[Tensor, "batch *shape"]
#: one number for each configuration
Values = Annotated[Tensor, "batch"]
#: one number, or one for each component of a wavefunction, of each configuration
Components = Annotated[Tensor, "batch *components"]
#: positions of particles, what lies between two of them, and how far
Particles = Annotated[Tensor, "batch n dim"]
PairVectors = Annotated[Tensor, "batch n n dim"]
Pairs = Annotated[Tensor, "batch n n"]
#: latent variables, one row a draw
Latent = Annotated[Tensor, "batch *latent"]
