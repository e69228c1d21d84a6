"""Relative states of one exchange symmetry: an orthonormal basis of flowed oscillator states, rotated in blocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from physgen.nn.flows.pair_gradient_flow import PairGradientFlow
from physgen.nn.flows.pulled_back import pulled_back_kinetic
from physgen.nn.oscillator.products import Coefficients, ProductTables
from physgen.nn.oscillator.symmetric_states import symmetric_states


@dataclass
class Part:
    """States of one block, even or odd in y, at points.

    Args:
        block: its number.
        value: functions `(batch, count)`.
        image: the Hamiltonian applied to them `(batch, count)`.
        gradient: their gradients `(batch, size, count)`, where they were asked for.
    """

    block: int
    value: Tensor
    image: Tensor
    gradient: Tensor | None = None


@dataclass
class Points:
    """Draws of the free gas with what the flow makes of them.

    Args:
        x: relative vectors `(batch, size)`.
        density: that of the draws `(batch,)`.
        image: flowed vectors.
        jacobian: of the flow `(batch, size, size)`.
        operator: the Hamiltonian, pulled back.
    """

    x: Tensor
    density: Tensor
    image: Tensor
    jacobian: Tensor
    operator: Coefficients


class SectorStates(nn.Module):
    r"""States of n particles, symmetric or antisymmetric under exchanges, the centre of mass left out.

    $\psi_k = |J|^{-1/2} \sum_j U_{jk} \Phi_j(\xi(x))$ of oscillator functions $\Phi_j$ with up to `quanta` quanta above
    the lowest, U within blocks of one angular momentum and reflection. Units of the oscillator: omega = 1.

    Args:
        n: number of particles.
        sign: 1 or -1.
        quanta: of the core, above its lowest state.
        flow: the map from $\xi$ to x.
        potential: gives the potential energy `(batch,)` of flowed relative vectors `(batch, 2 (n - 1))`.
    """

    def __init__(
        self, n: int, sign: int, quanta: int, flow: PairGradientFlow, potential: Callable[[Tensor], Tensor]
    ) -> None:
        super().__init__()
        self.n, self.sign, self.flow, self.potential = n, sign, flow, potential
        states = symmetric_states(n, sign, quanta)
        self.states, self.count = states, states.count
        self.copies = [(b.even is not None) + (b.odd is not None) for b in states.blocks]
        for name in ("even", "odd"):
            self.register_buffer(f"index_{name}", torch.as_tensor(getattr(states, name)), False)
            for i, block in enumerate(states.blocks):
                held = getattr(block, name)
                if held is not None:
                    self.register_buffer(f"{name}_{i}", torch.as_tensor(held), False)
        for i, block in enumerate(states.blocks):
            free = torch.as_tensor(block.quanta + n - 1.0)
            self.register_buffer(f"free_{i}", free, False)
            # what is learned is kept in the precision of the weights
            self.register_buffer(f"energy_{i}", free.clone().to(torch.get_default_dtype()))
            for name in ("rotation", "hamiltonian", "overlap"):
                self.register_buffer(f"{name}_{i}", torch.eye(len(free)) * (name == "rotation"))

    def held(self, name: str, block: int) -> Tensor:
        """Return a buffer of a block in float64."""
        found: Tensor = getattr(self, f"{name}_{block}")
        return found.double()

    # ---- points and states

    def points_of(self, x: Tensor, density: Tensor) -> Points:
        """Return draws `(batch, size)` of a density `(batch,)` with flow and Hamiltonian there."""
        image, jacobian, kinetic = pulled_back_kinetic(self.flow, x)
        operator = Coefficients(kinetic.second, kinetic.first, kinetic.value + self.potential(image))
        return Points(x, density, image, jacobian, operator)

    def kept(self, block: int, above: int | None) -> int:
        """Return how many states of a block have at most `above` quanta above the lowest, all for None."""
        quanta = self.states.blocks[block].quanta
        return len(quanta) if above is None else int((quanta <= self.states.lowest + above).sum())

    def parts(self, at: Points, above: int | None = None, gradients: bool = False) -> list[Part]:
        """Return the unrotated states of the core, or of its lowest quanta, with the Hamiltonian applied to them."""
        found = []
        for name in ("even", "odd"):
            index: Tensor = getattr(self, f"index_{name}")
            if above is not None:
                index = index[index.sum(1) <= self.states.lowest + above]
            if len(index) == 0:
                continue
            tables = ProductTables(at.x, index)
            value, image = tables.values(), tables.image(at.operator)
            slope = tables.gradients() if gradients else None
            for i, block in enumerate(self.states.blocks):
                count = self.kept(i, above)
                if getattr(block, name) is not None and count:
                    matrix = self.held(name, i)[: len(index), :count]
                    gradient = None if slope is None else slope @ matrix
                    found.append(Part(i, value @ matrix, image @ matrix, gradient))
        return found

    def values(self, x: Tensor) -> list[tuple[int, Tensor]]:
        """Return the unrotated states `(batch, count)` of the core at relative vectors, with their block's number."""
        found = []
        for name in ("even", "odd"):
            index: Tensor = getattr(self, f"index_{name}")
            if len(index):
                value = ProductTables(x, index).values()
                blocks = [i for i, block in enumerate(self.states.blocks) if getattr(block, name) is not None]
                found += [(i, value @ self.held(name, i)) for i in blocks]
        return found

    def rotated(self, part: Part) -> Part:
        """Return states of a part after the rotation of their block."""
        count = part.value.shape[1]
        u = self.held("rotation", part.block)[:count, :count]
        gradient = None if part.gradient is None else part.gradient @ u
        return Part(part.block, part.value @ u, part.image @ u, gradient)
