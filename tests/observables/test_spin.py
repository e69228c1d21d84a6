"""The total spin against determinants whose spin is known, and what is said of it."""

import pytest
import torch

from physgen.observables.spin import spin_notes, spin_square, unlike_neighbours


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(4)


def orbitals(x, turn=0.0, order=0):
    """Oscillator orbitals 0 ... 3 of a line `(batch, m, 4)`, the second and third turned into each other."""
    hermite = torch.stack([torch.ones_like(x), x, x**2 - 0.5, x**3 - 1.5 * x], -1)
    norm = torch.tensor([1.0, 0.5, 0.5, 0.75]) ** -0.5  # <H^2> over exp(-x^2)/sqrt(pi)
    found = hermite * norm * torch.exp(-0.5 * x[..., None] ** 2)
    angle = torch.tensor(turn)
    first = angle.cos() * found[..., 1] + angle.sin() * found[..., 2]
    second = angle.cos() * found[..., 2] - angle.sin() * found[..., 1]
    return torch.stack([found[..., 0], first, second, found[..., 3]], -1)


def determinants(up, down, turn=0.0):
    """psi of `up` and `down` electrons in the lowest orbitals, those of spin down turned by an angle."""

    def log_psi(x):
        x = x[..., 0]
        parts = []
        if up:
            parts.append(torch.linalg.slogdet(orbitals(x[:, :up])[..., :up]))
        if down:
            parts.append(torch.linalg.slogdet(orbitals(x[:, up:], turn)[..., :down]))
        sign, log = torch.stack([p[0] for p in parts]).prod(0), torch.stack([p[1] for p in parts]).sum(0)
        return sign, log

    return log_psi


@pytest.mark.parametrize(("up", "down", "exact"), [(1, 1, 0), (2, 2, 0), (3, 3, 0), (2, 1, 0.75), (3, 1, 2), (1, 3, 2)])
def test_filled_shells_have_their_spin_at_every_configuration(up, down, exact, monkeypatch):
    x = torch.randn(40, up + down, 1)
    monkeypatch.setattr("physgen.observables.psi_ratios.AT_ONCE", (7, 7))
    found = spin_square(determinants(up, down), x, (up, down))
    torch.testing.assert_close(found, torch.full((40,), float(exact)), rtol=0, atol=1e-7)


def test_two_electrons_far_from_each_other_are_a_triplet_if_psi_is_odd():
    def odd(x):
        difference = x[:, 0, 0] - x[:, 1, 0]
        return difference.sign(), difference.abs().log() - 0.5 * x.square().sum((-1, -2))

    torch.testing.assert_close(spin_square(odd, torch.randn(30, 2, 2), (1, 1)), torch.full((30,), 2.0))


@pytest.mark.parametrize("turn", [0.3, 1.2])
def test_determinants_of_turned_orbitals_are_contaminated_as_their_overlaps_say(turn, metropolis):
    """<S^2> = S_z(S_z + 1) + N_down - sum_ab <a up|b down>^2, here 2 - 1 - cos^2(turn)."""
    psi = determinants(2, 2, turn)
    x = metropolis(lambda x: 2 * psi(x)[1], 4)
    series = torch.stack([spin_square(psi, one, (2, 2)) for one in x])
    chains = series.mean(0)
    exact = 2 - 1 - torch.tensor(turn).cos() ** 2
    error = chains.std() / len(chains) ** 0.5
    assert (chains.mean() - exact).abs() < 4 * error < 0.1


@pytest.fixture
def metropolis():
    from physgen.samplers import Metropolis

    def draw(density, n):
        sampler = Metropolis(walkers=1500, steps=15)
        generator = torch.Generator().manual_seed(7)
        sampler.start(torch.randn(1500, n, 1, generator=generator), generator, 0.5, (n // 2, n - n // 2))
        sampler.warm_up(density, 150)
        return [sampler.sample(density) for _ in range(8)]

    return draw


def test_unlike_neighbours_of_a_line_by_hand():
    places = torch.tensor([0.0, 1.0, 2.1, 3.3])
    alternating = places[[0, 2, 1, 3]][None, :, None]  # up, down, up, down along the line
    paired = places[None, :, None]  # up, up, down, down
    assert unlike_neighbours(alternating, (2, 2)).item() == 1
    assert unlike_neighbours(paired, (2, 2)).item() == 0.25  # the third has the second as its nearest


def test_notes_say_the_state_and_a_slow_order():
    assert spin_notes((0.002, 0.001), 2.0, 200, (3, 3)) == []
    (state,) = spin_notes((0.54, 0.02), 2.0, 200, (3, 3))
    assert state == "psi is not a singlet: <S^2> = 0.54(2) where that has 0"
    assert spin_notes((0.75, 1e-9), 2.0, 200, (2, 1)) == []
    (small,) = spin_notes((0.0039, 0.001), 2.0, 200, (3, 3))
    assert small == "psi is a singlet but for a contamination: <S^2> = 0.0039(10) where that has 0"
    assert "not spin 1: <S^2> = 2.300(10) where that has 2" in spin_notes((2.3, 0.01), 2.0, 200, (3, 1))[0]
    (slow,) = spin_notes((0.0, 0.01), 70.0, 200, (3, 3))
    assert "70 of 200" in slow
