import math

import pytest
import torch

from physgen.core.errors import InputError
from physgen.dmc.walkers import Diffusion, limited

ALPHA = 0.5


def guide(x):
    """The oscillator in the plane, omega = 1, by a Gaussian that is too wide: E_L = a + (1 - a^2) r^2/2."""
    square = x.square().sum((-1, -2))
    return {
        "sign": torch.ones_like(square),
        "log_psi": -0.5 * ALPHA * square,
        "gradient": -ALPHA * x,
        "energy": ALPHA + 0.5 * (1 - ALPHA**2) * square,
        "square_radius": square,
    }


def drawn(walkers, generator):
    return torch.randn(walkers, 1, 2, generator=generator, dtype=torch.float64) / math.sqrt(2 * ALPHA)


def test_the_limited_drift():
    tau = 0.1
    small, large = torch.tensor([[[1e-4, 0.0]]]), torch.tensor([[[0.0, 1e5]]])
    torch.testing.assert_close(limited(small, tau), small)
    # a node at the distance 1/v pushes by sqrt(2 tau)
    torch.testing.assert_close(
        tau * limited(large, tau), torch.tensor([[[0.0, math.sqrt(2 * tau)]]]), rtol=1e-4, atol=0
    )


def test_mixed_estimates_of_the_oscillator(generator, agrees):
    """phi psi_T is a Gaussian: E = 1 and <r^2> = 2/(1 + a), where the guide alone has E = 1.25 and <r^2> = 2."""
    walkers = Diffusion(guide, drawn(2000, generator), generator, 0.02)
    walkers.warm_up(250)
    assert walkers.reference == pytest.approx(1, abs=0.03) and 0.99 < walkers.effective <= 1
    found = [walkers.step() for _ in range(600)]
    blocks = {k: torch.tensor([f[k] for f in found], dtype=torch.float64).view(6, 100).mean(1) for k in found[0]}
    agrees(blocks["energy"], 1.0, sigmas=6, bias=0.002)
    agrees(blocks["square_radius"], 2 / (1 + ALPHA), sigmas=6, bias=0.01)
    assert walkers.state["x"].shape == (2000, 1, 2)


def test_walkers_are_kept_in_proportion_to_their_weights(generator):
    walkers = Diffusion(guide, drawn(4000, generator), generator, 0.1)
    marks = torch.arange(4000)[torch.randperm(4000, generator=generator)] % 4
    walkers.state = {"mark": marks, "x": walkers.state["x"]}
    share = torch.tensor([0.1, 0.2, 0.0, 0.7], dtype=torch.float64)[marks] / 1000
    walkers.reconfigure(share)
    counts = walkers.state["mark"].bincount(minlength=4)
    # a comb is off by less than one tooth for each walker, on average by nothing
    assert counts.sum() == 4000 and counts[2] == 0
    assert (counts - 4000 * torch.tensor([0.1, 0.2, 0.0, 0.7])).abs().max() < 60


def test_equal_weights_leave_every_walker(generator):
    walkers = Diffusion(guide, drawn(100, generator), generator, 0.1)
    before = walkers.state["x"].clone()
    walkers.reconfigure(torch.full((100,), 0.01, dtype=torch.float64))
    assert torch.equal(walkers.state["x"], before)


def line_with_node(x):
    """The first excited state of one particle on the line, an exact guide with a node at 0."""
    value = x[:, 0, 0]
    return {
        "sign": value.sign(),
        "log_psi": value.abs().log() - 0.5 * value.square(),
        "gradient": (1 / value - value)[:, None, None],
        "energy": torch.full_like(value, 1.5),
    }


def test_no_walker_crosses_a_node(generator):
    walkers = Diffusion(line_with_node, torch.full((300, 1, 1), 0.5, dtype=torch.float64), generator, 0.3)
    for _ in range(50):
        found = walkers.step()
        assert (walkers.state["x"] > 0).all()
        assert found["energy"] == pytest.approx(1.5, abs=1e-12) and abs(found["log_growth"]) < 1e-12
    assert 0.5 < walkers.acceptance < 1


def test_moves_to_where_nothing_is_known_are_rejected(generator):
    def broken(x):
        found = guide(x)
        outside = x[:, 0, 0] > 0.3
        return {**found, "energy": torch.where(outside, math.nan, found["energy"])}

    walkers = Diffusion(broken, torch.zeros(100, 1, 2, dtype=torch.float64), generator, 0.2)
    for _ in range(10):
        assert math.isfinite(walkers.step()["energy"])
    assert (walkers.state["x"][:, 0, 0] <= 0.3).all()


@pytest.mark.parametrize("step", [0, -0.1, math.nan, "0.1"])
def test_bad_time_steps(step, generator):
    with pytest.raises(InputError, match="^time_step must be a finite number > 0"):
        Diffusion(guide, drawn(4, generator), generator, step)
    with pytest.raises(InputError, match="^walkers must be of shape"):
        Diffusion(guide, drawn(1, generator), generator, 0.1)
