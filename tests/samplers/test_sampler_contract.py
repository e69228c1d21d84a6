"""What every registered sampler promises, on a density whose moments are known sums."""

import io
import math

import pytest
import torch

from physgen.core.errors import InputError
from physgen.samplers import MALA, Metropolis, ParallelTempering, Sampler

OWN = [kind for kind in Sampler.registry.values() if kind.__module__.startswith("physgen.")]
#: those that move particles through space
KINDS = [kind for kind in OWN if kind.continuous]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def kind(request):
    return request.param


def started(kind, walkers=16, dtype=torch.float64, seed=3):
    sampler = kind(walkers=walkers, warm_up_steps=30)
    generator = torch.Generator().manual_seed(seed)
    sampler.start(torch.randn(walkers, 2, 2, generator=generator, dtype=dtype), generator, width=0.4)
    return sampler


def test_moments_of_a_gaussian_binary_machine(kind, machine, measure, agrees, generator):
    density = machine()
    mean, second = density.moments()
    x = torch.randn(400, 2, 2, generator=generator, dtype=torch.float64)
    upper = torch.triu_indices(4, 4)

    def moments(x):
        v = x.flatten(1)
        return torch.cat([v, (v[:, :, None] * v[:, None, :])[:, upper[0], upper[1]]], 1)

    found = measure(kind(walkers=400), density, x, moments)
    agrees(found, torch.cat([mean, second[upper[0], upper[1]]]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_walkers_keep_shape_and_type(kind, machine, dtype):
    sampler = started(kind, dtype=dtype)
    for x in (sampler.warm_up(machine(dtype=dtype)), sampler.sample(machine(dtype=dtype))):
        assert x.shape == (16, 2, 2) and x.dtype == dtype and x.isfinite().all() and not x.requires_grad


def test_walkers_have_the_shapes_that_the_base_names(kind, machine, shaped):
    sampler = started(kind)
    shaped(Sampler, sampler, "warm_up", machine())
    shaped(Sampler, sampler, "sample", machine())


def test_same_seed_same_walkers(kind, machine):
    first, again, other = started(kind), started(kind), started(kind, seed=4)
    draws = []
    for sampler in (first, again, other):
        sampler.warm_up(machine())
        draws.append(sampler.sample(machine()))
    assert torch.equal(draws[0], draws[1]) and first.width == again.width
    assert not torch.isclose(draws[0], draws[2]).any()


def test_every_walker_moves(kind, machine):
    sampler = started(kind)
    before = sampler.x.clone()
    sampler.warm_up(machine())
    assert (sampler.sample(machine(), 20) != before).flatten(1).any(1).all()


def test_state_dict_goes_on_bit_for_bit(kind, machine):
    sampler, again = started(kind), kind(walkers=16)
    sampler.warm_up(machine())
    file = io.BytesIO()
    torch.save(sampler.state_dict(), file)
    sampler.sample(machine())
    expected = sampler.sample(machine()).clone()
    file.seek(0)
    again.load_state_dict(torch.load(file, weights_only=True))
    again.sample(machine())
    assert torch.equal(again.sample(machine()), expected)
    assert again.width == sampler.width and again.acceptance == sampler.acceptance
    assert torch.equal(again.generator.get_state(), sampler.generator.get_state())


def test_state_of_one_rank_of_a_stack_is_taken(kind, machine):
    sampler, again = started(kind), kind(walkers=16)
    state = sampler.state_dict()
    stacked = {k: torch.stack([torch.zeros_like(v), v]) for k, v in state.items()}
    again.load_state_dict({k: v[1] for k, v in stacked.items()})
    assert torch.equal(again.sample(machine()), sampler.sample(machine()))


def test_a_kept_state_does_not_move_with_the_walkers(kind, machine):
    sampler = started(kind)
    state = sampler.state_dict()
    kept = {k: v.clone() for k, v in state.items()}
    sampler.warm_up(machine())
    sampler.sample(machine())
    assert all(torch.equal(state[k], v) for k, v in kept.items())


def test_walkers_are_not_those_of_the_caller(kind, machine):
    x = torch.zeros(16, 2, 2, dtype=torch.float64)
    sampler = kind(walkers=16)
    sampler.start(x, torch.Generator().manual_seed(1))
    sampler.sample(machine())
    assert not x.any()


def test_global_random_state_is_untouched(kind, machine):
    density = machine()
    before = torch.get_rng_state()
    sampler = started(kind)
    sampler.warm_up(density)
    sampler.sample(density)
    assert torch.equal(torch.get_rng_state(), before)


def test_width_is_frozen_while_sampling(kind, machine):
    sampler = started(kind)
    first = sampler.width
    sampler.warm_up(machine())
    width = sampler.width
    assert (width != first) == sampler.adapts
    sampler.sample(machine(), 50)
    assert sampler.width == width


@pytest.mark.parametrize("width", [1e-2, 20.0])
def test_warm_up_reaches_the_target_acceptance(kind, width, machine, generator):
    sampler = kind(walkers=400)
    sampler.start(torch.randn(400, 2, 2, generator=generator, dtype=torch.float64), generator, width)
    sampler.warm_up(machine(), 300)
    sampler.sample(machine(), 50)
    target = sampler.target_acceptance if sampler.adapts else 1.0
    assert sampler.acceptance == pytest.approx(target, abs=0.06)  # the scatter of the last widths


def test_spec_round_trip(kind):
    sampler = kind(walkers=7, steps=3)
    again = Sampler.of(sampler.spec())
    assert type(again) is kind and again.spec() == sampler.spec()
    assert (again.walkers, again.steps) == (7, 3)


def test_sampling_without_walkers_is_refused(kind, machine):
    assert kind().state_dict() == {}
    for call in ("warm_up", "sample"):
        with pytest.raises(InputError, match="must be started"):
            getattr(kind(), call)(machine())


@pytest.mark.parametrize(
    "x",
    [torch.zeros(16), torch.zeros(15, 2, 2), torch.full((16, 2, 2), torch.nan), torch.full((16, 2, 2), torch.inf)],
    ids=["flat", "too few", "nan", "inf"],
)
def test_bad_walkers_are_refused(kind, x):
    with pytest.raises(InputError, match=r"^walkers must be finite, of shape \(16, \.\.\.\), got \(1"):
        kind(walkers=16).start(x, torch.Generator())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("walkers", v) for v in (1, 0, -3, 2.0, True, "8", None)],
        *[("steps", v) for v in (0, -1, 1.5, True)],
        *[("warm_up_steps", v) for v in (-1, 0.5, True)],
        *[("target_acceptance", v) for v in (0, 1, 1.0, -0.1, float("nan"), "0.5", True)],
    ],
)
def test_bad_arguments_are_named(kind, name, value):
    if name == "target_acceptance" and not kind.adapts:
        with pytest.raises(InputError, match="target_acceptance"):
            Sampler.of({"class_path": kind.__name__, "init_args": {name: value}})
        return
    with pytest.raises(InputError, match=rf"^sampler\.{name} must be .*, got "):
        kind(**{name: value})


def two_islands(x):
    """Two particles near -8 and 8 on a line: three times as likely with the first on the right."""
    left, right = -0.5 * (x[:, :, 0] + 8).square(), -0.5 * (x[:, :, 0] - 8).square()
    return torch.logaddexp(left[:, 0] + right[:, 1], math.log(3) + right[:, 0] + left[:, 1])


@pytest.mark.parametrize("kind", [Metropolis, MALA, ParallelTempering], ids=lambda kind: kind.__name__)
def test_exchanges_reach_orders_that_moves_do_not_and_keep_the_density(kind):
    walkers, generator = 2000, torch.Generator().manual_seed(5)
    x = torch.tensor([[-8.0], [8.0]]) + torch.randn(walkers, 2, 1, generator=generator)
    shares = {}
    for kinds in (None, (1, 1)):
        sampler = kind(walkers=walkers, steps=5)
        sampler.start(x, generator, 0.5, kinds)
        sampler.warm_up(two_islands, 60)
        shares[kinds] = (sampler.sample(two_islands)[:, 0, 0] > 0).double().mean().item()
    assert shares[None] == 0
    assert abs(shares[1, 1] - 0.75) < 4 * (0.75 * 0.25 / walkers) ** 0.5
    assert 0.3 < sampler.exchange_acceptance < 0.7  # 1/4 always, 3/4 by one third: a half


def test_exchanges_leave_the_moments_alone(machine, measure, agrees, generator):
    """A machine whose particles are not alike keeps its moments when they exchange places by |psi|^2."""
    density = machine()
    mean, _ = density.moments()

    class Exchanging(Metropolis):
        abstract = True

        def start(self, x, generator, width=1.0, kinds=None):
            super().start(x, generator, width, (1, 1))

    x = torch.randn(400, 2, 2, generator=generator, dtype=torch.float64)
    agrees(measure(Exchanging(walkers=400), density, x, lambda x: x.flatten(1)), mean)
