"""Alignment of samples with noise, and the velocity that flow matching wants."""

from itertools import permutations

import torch

from physgen.objectives.flow_matching import aligned, flow_matching, nearest_order, spread_times


def test_aligned_samples_are_images_of_the_samples_next_to_the_noise(generator):
    x = torch.randn(20, 4, 2, generator=generator, dtype=torch.float64)
    to = torch.randn(20, 4, 2, generator=generator, dtype=torch.float64)
    found = aligned(x, to)
    # the same radii and distances, in another order
    torch.testing.assert_close(found.norm(dim=-1).sort().values, x.norm(dim=-1).sort().values)
    torch.testing.assert_close(
        torch.cdist(found, found).flatten(1).sort().values, torch.cdist(x, x).flatten(1).sort().values
    )
    assert bool(((found - to).square().sum((1, 2)) <= (x - to).square().sum((1, 2)) + 1e-12).all())
    # no other order, and no turn of this one, is nearer
    near = (found - to).square().sum((1, 2))
    angle = torch.tensor(0.05, dtype=torch.float64)
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()]).view(2, 2)
    for image in (found @ turn, found @ turn.T):
        assert bool(((image - to).square().sum((1, 2)) >= near).all())
    once = torch.stack([(found[:, list(p)] - to).square().sum((1, 2)) for p in permutations(range(4))])
    assert (once.min(0).values >= near - 1e-12).double().mean() > 0.7  # two rounds of a search by turns


def test_orders_by_exchanges_are_all_but_the_best(generator):
    to, x = (torch.randn(200, 5, 2, generator=generator, dtype=torch.float64) for _ in range(2))
    cost = torch.cdist(to, x).square()
    found = cost.gather(2, nearest_order(cost)[..., None]).sum((1, 2))
    every = [cost[:, torch.arange(5), list(p)].sum(1) for p in permutations(range(5))]
    best = torch.stack(every).min(0).values
    assert bool((found >= best - 1e-12).all()) and (found <= best + 1e-12).double().mean() > 0.85
    assert bool((nearest_order(cost).sort(1).values == torch.arange(5)).all())


def test_the_conditional_mean_has_the_least_error(generator):
    """Of independent unit Gaussians the mean of x - z at x_t is (2 t - 1)/((1 - t)^2 + t^2) x_t."""
    z, x = (torch.randn(40_000, 1, 2, generator=generator, dtype=torch.float64) for _ in range(2))
    time = spread_times(len(x), x, generator)
    assert (time.diff() > 0).all() and 0 <= time[0] and time[-1] < 1

    def exact(y, t):
        return ((2 * t - 1) / ((1 - t).square() + t.square()))[:, None, None] * y

    best = flow_matching(exact, z, x, time).mean()
    for factor in (0.8, 1.2):
        assert flow_matching(lambda y, t: factor * exact(y, t), z, x, time).mean() > best  # noqa: B023
