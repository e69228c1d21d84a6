"""The overlap with another state where all sums are exact: four points, three components."""

import pytest
import torch

from physgen.objectives.lower_state import LowerState, log_ratio_of_norms

#: how often every point occurs in samples that are the densities exactly
COUNTS, OTHER = torch.tensor([1, 2, 3, 5]), torch.tensor([4, 1, 1, 2])


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(3)


def table(counts, shift):
    """Return a state as a function of points, and as vectors."""
    vectors = torch.randn(4, 3)
    vectors /= vectors.norm(dim=1, keepdim=True)
    logs = counts.double().log() / 2 + shift

    def log_psi(x):
        here = x[:, 0, 0].long()
        return vectors[here], logs[here]

    return log_psi, vectors * counts.double().sqrt()[:, None]


def points(counts):
    return torch.repeat_interleave(torch.arange(4.0), counts)[:, None, None]


@pytest.mark.parametrize("shift", [0.0, 900.0, -900.0])
def test_overlap_is_that_of_vectors(shift):
    """Whatever the norms: exp(900) is no number."""
    (psi, vector), (phi, other) = table(COUNTS, shift), table(OTHER, 0.0)
    found = LowerState(phi, points(OTHER)).overlap(psi, points(COUNTS))
    torch.testing.assert_close(found, (vector * other).sum() / (vector.norm() * other.norm()), rtol=1e-12, atol=1e-12)


def test_a_state_overlaps_with_itself():
    psi, _ = table(COUNTS, 0.0)
    turned = LowerState(lambda x: (-psi(x)[0], psi(x)[1] + 3), points(COUNTS)).overlap(psi, points(COUNTS))
    torch.testing.assert_close(turned, -torch.ones(()), rtol=1e-12, atol=0)


def test_ratio_of_the_norms_of_two_gaussians():
    """Of widths 1 and 2 without their norms: ln(1/2)."""
    a, b = torch.randn(20_000), 2 * torch.randn(5_000)
    log_ratio = torch.cat([-0.5 * z.square() + 0.125 * z.square() for z in (a, b)])
    assert abs(float(log_ratio_of_norms(log_ratio, 20_000)) + 0.6931) < 4 * 0.015
