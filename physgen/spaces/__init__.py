"""Where configurations live: how they are shaped, first guessed, measured and checked."""

from physgen.spaces.base import Space
from physgen.spaces.field_lattice import FieldLattice
from physgen.spaces.free import Free
from physgen.spaces.labelled import Labelled
from physgen.spaces.lattice import Lattice
from physgen.spaces.periodic_box import PeriodicBox
from physgen.spaces.relative import Relative

__all__ = ["FieldLattice", "Free", "Labelled", "Lattice", "PeriodicBox", "Relative", "Space"]
