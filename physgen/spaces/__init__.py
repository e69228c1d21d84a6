"""Where configurations live: how they are shaped, first guessed, measured and checked."""

from physgen.spaces.base import Space
from physgen.spaces.free import Free
from physgen.spaces.lattice import Lattice
from physgen.spaces.periodic_box import PeriodicBox

__all__ = ["Free", "Lattice", "PeriodicBox", "Space"]
