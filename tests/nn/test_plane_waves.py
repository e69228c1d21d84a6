"""Plane waves of a periodic cube against autograd, and their closed shells."""

import pytest
import torch

from physgen.core.errors import InputError
from physgen.nn.determinants.plane_waves import PlaneWaves, box_momenta, check_closed_box, closed_box_shells


def test_shells_of_the_cube():
    assert closed_box_shells()[:5] == [1, 7, 19, 27, 33]
    assert closed_box_shells(2)[:4] == [1, 5, 9, 13]


@pytest.mark.parametrize("count", [1, 7, 19, 27])
def test_momenta_hold_one_of_each_pair(count):
    k = box_momenta(count)
    both = {tuple(v) for v in [*k.tolist(), *(-k).tolist()]}
    assert len(k) == (count - 1) // 2 and len(both) == count - 1 and (0.0, 0.0, 0.0) not in both


def test_jet_is_what_autograd_finds():
    waves = PlaneWaves(19).double()
    x = torch.rand(2, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    jet = waves.jet(x)
    torch.testing.assert_close(jet.value, waves(x))
    hessian = torch.func.vmap(torch.func.vmap(torch.func.hessian(waves)))(x)
    torch.testing.assert_close(jet.laplacian, hessian.diagonal(dim1=-1, dim2=-2).sum(-1))
    torch.testing.assert_close(jet.rows.movedim(0, -1), torch.func.vmap(torch.func.vmap(torch.func.jacrev(waves)))(x))


def test_waves_are_periodic():
    waves = PlaneWaves(27).double()
    x = torch.rand(4, 3, dtype=torch.float64)
    torch.testing.assert_close(waves(x + torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)), waves(x))


@pytest.mark.parametrize(("n", "n_up", "near"), [(10, 5, "2, 14, 38, 54, 66"), (8, 8, "1, 7, 19, 27"), (14, 6, "14")])
def test_open_shells_are_refused(n, n_up, near):
    with pytest.raises(InputError, match=near):
        check_closed_box(n, n_up)
