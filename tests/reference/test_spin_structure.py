import math

import pytest
import torch

from physgen.reference import spin_structure as spin_structure_module
from physgen.reference.spin_structure import spin_structure


def cloud(generator, steps=40, chains=200, n=5, dim=2):
    return torch.randn(steps, chains, n, dim, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("dim", [2, 3])
def test_independent_electrons(dim, generator):
    """Normal electrons: the density is known, g is 1 for both kinds of pairs, the rms radius is sqrt(dim)."""
    x = cloud(generator, dim=dim)
    found = spin_structure(x, 3, bins=20)
    edges = found["radius_edges"]
    inner = (edges[1:] < 2.5).nonzero().flatten()
    fine = torch.linspace(0, 1, 201, dtype=x.dtype)
    r = edges[:-1, None] + (edges[1:] - edges[:-1])[:, None] * fine
    density = torch.exp(-0.5 * r.square()) / (2 * math.pi) ** (dim / 2)
    weight = r ** (dim - 1)
    mean = torch.trapezoid(density * weight, r) / torch.trapezoid(weight, r)
    for name, count in (("radial_density", 5), ("radial_density_up", 3), ("radial_density_down", 2)):
        off = (found[name] - count * mean) / found[f"{name}_error"]
        assert off[inner].abs().max() < 4.5
    assert abs(found["rms_radius"] - dim**0.5) < 4 * found["rms_radius_error"]
    near = (found["distance_edges"][1:] < 3).nonzero().flatten()
    for name in ("g_like", "g_unlike"):
        assert ((found[name] - 1) / found[f"{name}_error"])[near].abs().max() < 4.5


def test_unlike_electrons_that_sit_together(generator):
    """The electron with spin down follows the first with spin up: half of the unlike pairs are close, no like ones."""
    x = cloud(generator, n=3)
    x[:, :, 2] = x[:, :, 0] + 0.01 * x[:, :, 2]
    found = spin_structure(x, 2, bins=30)
    assert found["g_unlike"][0] > 10
    assert (found["g_like"][0] - 1).abs() < 5 * found["g_like_error"][0]


def test_memory_is_bounded(generator, monkeypatch):
    """With a third of the steps for the pairs their errors grow by sqrt(3), the densities stay."""
    x = cloud(generator)
    whole = spin_structure(x, 3, bins=5)
    monkeypatch.setattr(spin_structure_module, "MOST_PAIRS", x[..., 0, 0].numel() * 10 // 3 + 1)
    part = spin_structure(x, 3, bins=5)
    assert torch.equal(whole["radial_density"], part["radial_density"])
    assert 1.3 < (part["g_unlike_error"][:2] / whole["g_unlike_error"][:2]).mean() < 2.3


def test_electrons_without_pairs(generator):
    one = spin_structure(cloud(generator, n=1), 1)
    assert "g_like" not in one and "radial_density_down" not in one
    two = spin_structure(cloud(generator, n=2), 1)
    assert "g_like" not in two and "g_unlike" in two
