"""Histograms against closed forms of independent particles."""

import math

import torch

from physgen.observables import structure


def normal(steps, chains, n, dim, seed=0):
    return torch.randn(steps, chains, n, dim, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_radial_density_of_gaussian_particles():
    found = structure(normal(50, 200, 3, 2), bins=40)
    edges = found["radius_edges"]
    inside = torch.exp(-(edges**2) / 2)
    exact = 3 * (inside[:-1] - inside[1:]) / (math.pi * torch.diff(edges**2))
    pull = (found["radial_density"] - exact) / found["radial_density_error"].clamp_min(1e-12)
    assert (pull[:30].abs() < 5).all()
    assert 0.5 < float(pull[:30].square().mean()) < 2.0


def test_independent_particles_have_pair_distributions_of_one_for_every_spin():
    """Equal and opposite spins in clouds of different width: g is 1 for each kind of pair, not for all together."""
    x = normal(50, 300, 5, 2)
    x[:, :, 3:] *= 2.0
    found = structure(x, bins=20, n_up=3)
    for name in ("g_parallel", "g_antiparallel"):
        good = found[f"{name}_error"] > 0
        pull = ((found[name] - 1) / found[f"{name}_error"].clamp_min(1e-12))[good][:14]
        assert (pull.abs() < 4.5).all() and 0.3 < float(pull.square().mean()) < 2.5, name


def test_pairs_that_avoid_each_other_are_seen_by_their_spin():
    """Two of equal spin sit on opposite sides of the centre, a third of the other spin knows of nobody."""
    pair, single = normal(40, 300, 1, 2, 1), normal(40, 300, 1, 2, 2)
    x = torch.cat([pair, -pair, single], dim=2)
    found = structure(x, bins=20, n_up=2)
    edges = found["distance_edges"]
    # the distance of the pair is 2 r, of two independent ones sqrt(2) r: a ratio of two Rayleigh laws
    law = lambda s: torch.exp(-(edges[:-1] ** 2) / (2 * s**2)) - torch.exp(-(edges[1:] ** 2) / (2 * s**2))  # noqa: E731
    exact = law(2.0) / law(math.sqrt(2.0))
    pull = (found["g_parallel"] - exact) / found["g_parallel_error"].clamp_min(1e-12)
    assert (pull[:10].abs() < 5).all()
    assert ((found["g_antiparallel"] - 1) / found["g_antiparallel_error"].clamp_min(1e-12))[:10].abs().max() < 4.5


def test_polarised_and_single_particles_have_no_pairs_of_the_other_kind():
    assert "g_antiparallel" not in structure(normal(5, 10, 2, 3), n_up=2)
    assert "g_parallel" not in structure(normal(5, 10, 2, 3), n_up=1)
    assert "g_of_r" not in structure(normal(5, 10, 1, 2))
