"""Relative vectors against positions of all particles."""

import pytest
import torch

from physgen.spaces.relative import Relative


@pytest.fixture(autouse=True)
def double(float64):
    pass


@pytest.mark.parametrize(("particles", "dim"), [(2, 3), (3, 3), (4, 2)])
def test_vectors_and_positions(particles, dim, generator):
    space = Relative(particles, dim)
    assert space.shape == (particles - 1, dim) and space.particles == particles
    torch.testing.assert_close(space.vectors @ space.vectors.T, torch.eye(particles - 1))
    where = torch.randn(5, particles, dim, generator=generator)
    centred = where - where.mean(1, keepdim=True)
    x = space.vectors @ where
    torch.testing.assert_close(space.positions(x), centred)
    torch.testing.assert_close(x.square().sum((1, 2)), centred.square().sum((1, 2)))
    apart = where[:, :, None] - where[:, None]
    torch.testing.assert_close(space.displacements(x), apart)
    pairs = torch.stack([apart[:, i, j].square().sum(-1) for i, j in space.pairs], 1)
    torch.testing.assert_close(space.square_distances(x), pairs)


def test_kinetic_energy_has_no_centre_of_mass(generator, by_autograd):
    space = Relative(3)

    def of_differences(squares):
        return torch.exp(-0.3 * squares).sum(-1) + squares.sqrt().prod(-1)

    where = torch.randn(4, 3, 3, generator=generator)
    _, whole = by_autograd(lambda r: of_differences(space.square_distances(space.vectors @ r)), where)
    _, relative = by_autograd(lambda x: of_differences(space.square_distances(x)), space.vectors @ where)
    torch.testing.assert_close(relative, whole)


def test_histograms_are_those_of_the_positions(generator):
    space = Relative(3)
    x = torch.randn(20, 10, 2, 3, generator=generator)
    (structure,) = space.observables()
    arrays = structure.histograms(x)
    edges = arrays["radius_edges"]
    shells = 4 / 3 * torch.pi * torch.diff(edges**3)
    assert float((arrays["radial_density"] * shells).sum()) == pytest.approx(3)
    assert set(structure.figures({k: v.numpy() for k, v in arrays.items()}, x, "x")) == {"radial_density", "g_of_r"}


def test_first_guesses(generator):
    x = Relative(4).initial(2000, 1.2, generator, torch.float64, torch.device("cpu"))
    assert x.shape == (2000, 3, 3) and x.dtype == torch.float64
    assert float(x.std()) == pytest.approx(1.2, rel=0.02)
