"""Orthogonalised momentum for matrices, Adam for the rest."""

import pytest
import torch

from physgen.core.errors import InputError
from physgen.optim import Muon
from physgen.optim.muon import orthogonalised


def test_update_is_about_the_polar_factor():
    matrix = torch.randn(3, 20, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    values = torch.linalg.svdvals(orthogonalised(matrix))
    # the quintic iteration brings singular values into a band about 1, not to 1
    assert float(values.min()) > 0.5 and float(values.max()) < 1.3
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    polar = u @ v
    cosine = (orthogonalised(matrix) * polar).sum() / (orthogonalised(matrix).norm() * polar.norm())
    assert float(cosine) > 0.98


def test_other_parameters_take_the_steps_of_adam():
    torch.manual_seed(0)
    ours, theirs = (torch.nn.Parameter(torch.ones(5, dtype=torch.float64)) for _ in range(2))
    muon, adam = (
        Muon([ours], lr=0.01, matrix_lr=0.1, matrices=[]),
        torch.optim.Adam([theirs], lr=0.01, betas=(0.9, 0.99)),
    )
    for k in range(20):
        gradient = torch.sin(torch.arange(5, dtype=torch.float64) + k)
        ours.grad, theirs.grad = gradient.clone(), gradient.clone()
        muon.step()
        adam.step()
    torch.testing.assert_close(ours, theirs, atol=1e-8, rtol=0)


def test_state_round_trip_continues_bit_for_bit():
    def steps(optimizer, parameters, count, start):
        for k in range(start, start + count):
            for i, p in enumerate(parameters):
                p.grad = torch.sin(torch.arange(p.numel(), dtype=p.dtype) * (i + 1) + k).view_as(p)
            optimizer.step()

    first = [torch.nn.Parameter(torch.ones(2, 4, 3)), torch.nn.Parameter(torch.ones(4))]
    second = [torch.nn.Parameter(p.detach().clone()) for p in first]
    whole = Muon(first, 0.01, 0.05)
    steps(whole, first, 10, 0)
    half = Muon(second, 0.01, 0.05)
    steps(half, second, 5, 0)
    resumed = Muon(second, 0.01, 0.05)
    resumed.load_state_dict(half.state_dict())
    steps(resumed, second, 5, 5)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("rates", [(-1.0, 0.1), (0.1, 0.0), (float("nan"), 0.1)])
def test_bad_rates_are_refused(rates):
    with pytest.raises(InputError, match="learning_rate"):
        Muon([torch.nn.Parameter(torch.ones(2, 2))], *rates)
