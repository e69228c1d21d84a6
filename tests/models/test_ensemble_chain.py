import math

import torch

from physgen.models.ensemble_chain import EnsembleChain
from physgen.models.ensemble_sector import SectorEnsemble
from physgen.models.gibbs_state import GibbsState
from physgen.nn.flows.pair_gradient_flow import PairGradientFlow
from physgen.nn.oscillator.jacobi_vectors import jacobi_vectors
from physgen.systems.thermal_gas import free_energies


def oscillator(image):
    return 0.5 * image.square().sum(-1)


def test_free_electrons_have_the_cloud_of_the_free_gas():
    """<sum r^2 / 2> is half the energy by the virial theorem, with both sectors in their shares."""
    t = 1.2
    sectors = [SectorEnsemble(2, s, t, 3, PairGradientFlow(2, 2, 0).double(), oscillator) for s in (1, -1)]
    with torch.no_grad():
        chain = EnsembleChain(GibbsState(sectors, [1, 3], t), 4000, torch.Generator().manual_seed(0))
        places = chain.places(torch.as_tensor(jacobi_vectors(2)))
    energy = free_energies(2, t, "electrons")[1]
    square = places.square().sum((1, 2))
    assert abs(float(square.mean()) - energy) < 4 * float(square.std()) / math.sqrt(4000)
    assert 0.4 < chain.accepted / chain.moves <= 1


def test_a_move_takes_what_weighs_more():
    sector = SectorEnsemble(2, 1, 1.0, 2, PairGradientFlow(2, 2, 0).double(), oscillator)
    with torch.no_grad():
        chain = EnsembleChain(GibbsState([sector], [1], 1.0), 5, torch.Generator().manual_seed(1), forgetting=1)
    heavy, image = chain.weight * 2 + 1, torch.ones_like(chain.image)
    chain.move([image], [heavy])
    assert torch.equal(chain.image, image) and torch.equal(chain.weight, heavy)
    chain.move([2 * image], [0 * heavy])
    assert torch.equal(chain.image, image)
