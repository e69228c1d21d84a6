"""A pretrained ground state that another training is kept orthogonal to."""

from __future__ import annotations

import torch

from physgen.core.errors import InputError
from physgen.core.random_streams import DRAWS, stream
from physgen.models import Model, NuclearCorrelator
from physgen.objectives.lower_state import LowerState
from physgen.objectives.orthogonal_energy import OrthogonalEnergy
from physgen.zoo.pretrained import resolve

#: chains of the lower state, sets that are kept of each, and moves between two of them
CHAINS, SETS, MOVES = 256, 4, 40


def lower_state(name: str, model: Model, seed: int = 0) -> LowerState:
    """Return a trained state of the system of `model`, in float64, with configurations that it is drawn at.

    Args:
        name: pretrained entry, checkpoint or run folder.
        model: what is compared with it.
        seed: seed of the draws: those of a training are the same whenever it goes on.

    Raises:
        InputError: nothing of that name, or one of the two is no `NuclearCorrelator`, or of another system.
    """
    held = Model.load_from_checkpoint(resolve(name))
    for what, of in ((f"orthogonal_to {name}", held), ("model", model)):
        if not isinstance(of, NuclearCorrelator):
            raise InputError(f"{what} must be a NuclearCorrelator to be orthogonal, got {type(of).__name__}")
    assert isinstance(held, NuclearCorrelator)
    if held.system != model.system:
        raise InputError(f"orthogonal_to {name} must be of {model.system.label}, got {held.system.label}")
    held = held.double().to(model.device)
    sampler = held.fresh_sampler(CHAINS)
    with torch.no_grad():
        held.start_sampler(sampler, stream(seed, 0, DRAWS, held.device))
        return LowerState(held.log_psi, torch.cat([sampler.sample(held.born, MOVES) for _ in range(SETS)]))


def keep_orthogonal(model: Model, name: str, strength: float) -> str:
    """Let a training of `model` lower the energy orthogonal to a trained state, and say so in words.

    Args:
        model: a `NuclearCorrelator`.
        name: pretrained entry, checkpoint or run folder of the lower state.
        strength: penalty of the squared overlap in units of the energy scale, above the distance of both energies.

    Raises:
        InputError: see `lower_state`, or a strength that is not above 0.
    """
    state = lower_state(name, model)
    assert isinstance(model, NuclearCorrelator)
    model.objective = OrthogonalEnergy(model.clip, state, strength)
    penalty = strength * model.system.energy_scale
    return f"orthogonal to {name}: its squared overlap costs {penalty:g} {model.system.energy_unit}"
