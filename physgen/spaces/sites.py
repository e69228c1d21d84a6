"""Symmetries of a lattice of sites, whatever lives there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

import torch
from torch import Tensor

from physgen.core.errors import check, check_choice, check_integer
from physgen.observables.base import Observable
from physgen.observables.lattice_correlation import LatticeCorrelation
from physgen.spaces.base import Space

#: symmetries that a density can be averaged over
GROUPS = ("square", "translation", "torus")


class Sites(Space):
    """A lattice of sites; configurations have the shape of the lattice, one number a site.

    Args:
        shape: sites along every direction, such as `(16, 16)`.
        periodic: whether opposite edges are neighbours.

    Raises:
        InputError: no direction, or a side that is no positive integer.
    """

    def __init__(self, shape: Sequence[int], periodic: bool = True) -> None:
        check(len(shape) > 0, "shape", shape, "one side at least")
        sides = tuple(check_integer("shape", side, 1) for side in shape)
        super().__init__(sides, math.prod(sides), len(sides))
        self.periodic = periodic

    def group(self, name: str) -> Tensor:
        """Return tables `(|G|, sites)`: the site that each site's value comes from.

        `square`: turns and reflections of a square; `translation`: shifts of a periodic lattice; `torus`: both.

        Raises:
            InputError: unknown name, a lattice that is no square, or shifts of one with edges.
        """
        check_choice("group", name, GROUPS)
        sites = torch.arange(self.size).view(self.shape)
        elements = [sites]
        if name != "translation":
            check(len(set(self.shape)) == 1 and self.dim == 2, "group", name, f"of a square, not of {self.shape}")
            turned = [sites.rot90(k) for k in range(4)]
            elements = turned + [element.T for element in turned]
        if name != "square":
            check(self.periodic, "group", name, "square on a lattice with edges")
            axes = tuple(range(self.dim))
            shifts = list(product(*(range(side) for side in self.shape)))
            elements = [element.roll(shift, axes) for shift in shifts for element in elements]
        return torch.stack(elements).flatten(1)

    def images(self, x: Tensor, group: Tensor) -> Tensor:
        """Return configurations `(|G|, batch, *shape)` under every element."""
        return x.flatten(1)[:, group].transpose(0, 1).reshape(len(group), *x.shape)

    def random_images(self, x: Tensor, group: Tensor, generator: torch.Generator | None) -> Tensor:
        """Return configurations `(batch, *shape)`, each under a random element."""
        index = torch.randint(len(group), (len(x),), generator=generator, device=x.device)
        return x.flatten(1).gather(1, group[index]).view_as(x)

    def observables(self) -> list[Observable]:
        """Return the mean over sites, and how sites are correlated over a distance."""
        return [LatticeCorrelation(self.shape, self.periodic)]
