import math

import pytest
import torch

from physgen.core.errors import InputError
from physgen.nn.point_groups import GROUPS, average_log_prob, images, point_group, random_images


@pytest.mark.parametrize("name", GROUPS)
@pytest.mark.parametrize("dim", [1, 2, 3, 4])
def test_groups_are_groups(name, dim):
    if name.startswith("C4") and dim % 2:
        with pytest.raises(InputError, match=f"^dim must be even for rotations, .*, got {dim}$"):
            point_group(name, dim)
        return
    group = point_group(name, dim)
    assert len(group) == {"reflection": 2, "Z2": 2, "C4": 4, "C4v": 8}[name]
    assert torch.equal(group[0], torch.eye(dim, dtype=torch.float64))
    products = {tuple((a @ b).flatten().add(0.0).tolist()) for a in group for b in group}
    assert products == {tuple(g.flatten().add(0.0).tolist()) for g in group} and len(products) == len(group)
    for g in group:
        torch.testing.assert_close(g @ g.mT, group[0], rtol=0, atol=0)


def test_the_square():
    """C4v of the plane is that of the quartic well."""
    from physgen.systems import QuarticWell

    known = QuarticWell.group(dtype=torch.float64)
    found = point_group("C4v", 2)
    assert {tuple(g.flatten().add(0.0).tolist()) for g in known} == {
        tuple(g.flatten().add(0.0).tolist()) for g in found
    }


def test_unknown_group():
    with pytest.raises(InputError, match="^group must be one of reflection, Z2, C4, C4v, got 'C5'"):
        point_group("C5", 2)


def test_average_of_a_gaussian():
    """Quarter turns of a Gaussian off the centre: the mean of four Gaussians, written out."""
    centre = torch.tensor([1.0, 0.4], dtype=torch.float64)
    group = point_group("C4", 2)
    x = torch.randn(9, 1, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def log_prob(x):
        return -0.5 * (x - centre).square().sum((1, 2)) - math.log(2 * math.pi)

    a, b = x[:, 0].unbind(-1)
    turned = [(a, b), (-b, a), (-a, -b), (b, -a)]
    expected = sum(torch.exp(-0.5 * ((p - 1.0) ** 2 + (q - 0.4) ** 2)) / (2 * math.pi) for p, q in turned) / 4
    torch.testing.assert_close(average_log_prob(log_prob, x, group), expected.log(), rtol=1e-13, atol=1e-13)
    for image in images(x, group):
        value = average_log_prob(log_prob, image, group)
        torch.testing.assert_close(value, expected.log(), rtol=1e-13, atol=1e-13)


def test_random_images_take_every_element_alike():
    group = point_group("C4", 2)
    x = torch.tensor([[[1.0, 0.0]]], dtype=torch.float64).repeat(4000, 1, 1)
    turned = random_images(x, group, torch.Generator().manual_seed(1))
    for g in group:
        count = (turned[:, 0] == g[:, 0]).all(-1).sum().item()
        assert abs(count - 1000) < 4 * (4000 * 0.25 * 0.75) ** 0.5
