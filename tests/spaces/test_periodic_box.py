"""A cube without walls: images, and walkers that move on a torus."""

import math

import pytest
import torch

from physgen.core.errors import InputError
from physgen.runs.samples_file import load_samples, save_samples
from physgen.samplers import MALA, Metropolis, ParallelTempering
from physgen.spaces import Free, PeriodicBox
from physgen.spaces.periodic_box import side_of
from physgen.systems import ElectronGas


@pytest.fixture(autouse=True)
def double(float64):
    pass


def test_images_are_in_the_cube_and_next_to_each_other(generator):
    space = PeriodicBox(4, 2.5, 2)
    x = 10 * torch.randn(50, 4, 3, generator=generator)
    inside = space.wrap(x)
    assert inside.min() >= 0 and inside.max() < 2.5
    turns = (x - inside) / 2.5
    torch.testing.assert_close(turns, turns.round())
    torch.testing.assert_close(space.wrap(inside), inside, rtol=0, atol=0)
    apart = space.displacements(x)
    assert apart.abs().max() <= 1.25 and space.distances(x).max() <= 1.25 * math.sqrt(3)
    shifts = 2.5 * torch.cartesian_prod(*[torch.arange(-1.0, 2.0)] * 3)
    every = (inside[:, :, None, None] - inside[:, None, :, None] + shifts).square().sum(-1).sqrt()
    torch.testing.assert_close(space.distances(x), every.min(-1).values)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_next_to_a_wall_coordinates_stay_below_the_side(dtype):
    side = 0.7
    x = torch.tensor([-1e-30, -1e-9, 0.0, side, -side, 3 * side, math.nextafter(side, 0)], dtype=dtype).view(-1, 1, 1)
    inside = PeriodicBox(1, side, dim=1).wrap(x)
    assert inside.min() >= 0 and (inside < side).all() and inside.dtype == dtype
    assert PeriodicBox(1, side, dim=1).wrap(torch.tensor([[[torch.nan]]])).isnan().all()


def test_first_guesses_are_even(generator, agrees):
    x = PeriodicBox(3, 2.0).initial(4000, 1.0, generator, torch.float64, torch.device("cpu"))
    agrees(x.flatten(1), torch.full((9,), 1.0))
    agrees(torch.cos(math.pi * x.flatten(1)), torch.zeros(9))
    assert side_of(14, 0.04) == pytest.approx((14 / 0.04) ** (1 / 3))


@pytest.mark.parametrize("kind", [Metropolis, MALA, ParallelTempering])
def test_walkers_on_a_torus(kind, generator, agrees):
    r"""$p \propto e^{a \cos 2\pi x/L}$: the mean of the cosine is a ratio of Bessel functions."""
    side, a = 3.0, torch.tensor(1.5)
    space = PeriodicBox(1, side, dim=2)

    def log_density(x):
        return a * torch.cos(2 * math.pi * x / side).sum((-1, -2))

    sampler = kind(walkers=600)
    sampler.start(space.initial(600, 1.0, generator, None, "cpu"), generator, 0.8, space=space)
    sampler.warm_up(log_density, 60)
    x = sampler.sample(log_density, 30)
    assert x.min() >= 0 and x.max() < side
    cosine, sine = torch.cos(2 * math.pi * x / side), torch.sin(2 * math.pi * x / side)
    agrees(cosine[:, 0], torch.full((2,), float(torch.special.i1(a) / torch.special.i0(a))))
    agrees(sine[:, 0], torch.zeros(2))
    again = kind(walkers=600)
    again.start(x, torch.Generator(), space=space)
    again.load_state_dict(sampler.state_dict())
    assert torch.equal(sampler.sample(log_density), again.sample(log_density))


def test_free_walkers_are_as_without_a_space(generator):
    draws = []
    for space in (None, Free(3, 2)):
        sampler = MALA(walkers=8)
        sampler.start(torch.zeros(8, 3, 2), torch.Generator().manual_seed(3), 0.5, (2, 1), space)
        sampler.warm_up(lambda x: -x.square().sum((-1, -2)), 10)
        draws.append(sampler.sample(lambda x: -x.square().sum((-1, -2))))
    assert torch.equal(*draws)


def test_steps_are_no_wider_than_half_the_side(generator):
    sampler, space = Metropolis(walkers=8), PeriodicBox(2, 3.0)
    sampler.start(space.initial(8, 1.0, generator, None, "cpu"), generator, 0.5, space=space)
    sampler.warm_up(lambda x: x.new_zeros(len(x)), 50)
    assert sampler.width == 1.5


def test_samples_outside_the_box_are_refused(tmp_path, generator):
    gas = ElectronGas(2)
    x = gas.initial(20, generator)
    found = load_samples(save_samples(tmp_path / "inside.npz", x), gas)
    assert len(found) == 20
    x[3, 1, 2] = 1.2 * gas.side
    with pytest.raises(InputError, match=r"x in samples .* must be inside the box, from 0 to 2.03.*got 2.4") as caught:
        load_samples(save_samples(tmp_path / "outside.npz", x), gas)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("arguments", [(0, 1.0), (2, 0.0), (2, -1.0), (2, 1.0, 3), (2, 1.0, None, 0)])
def test_no_box(arguments):
    with pytest.raises(InputError):
        PeriodicBox(*arguments)
