import pytest
import torch

from physgen.core.errors import InputError
from physgen.optim.metric_newton import MetricNewton


def quadratic(seed=0, size=4):
    generator = torch.Generator().manual_seed(seed)
    a, b = (torch.randn(size, size, generator=generator, dtype=torch.float64) for _ in range(2))
    # curvatures well above the least one in the metric
    metric = a @ a.mT + size * torch.eye(size)
    return 10 * metric + b @ b.mT, metric, torch.randn(size, generator=generator, dtype=torch.float64)


def test_a_quadratic_function_is_minimised_in_one_step():
    curvature, metric, target = quadratic()
    x = torch.nn.Parameter(target + 1e-3)
    optimizer = MetricNewton([x], norm_limit=10.0)
    optimizer.step(lambda: [(curvature @ (x.detach() - target), curvature, 0 * metric + metric)])
    torch.testing.assert_close(x.detach(), target, rtol=0, atol=1e-6)


def test_a_step_is_limited_in_the_metric_and_negative_curvature_goes_downhill():
    _, metric, slope = quadratic(1)
    x = torch.nn.Parameter(torch.zeros(4, dtype=torch.float64))
    optimizer = MetricNewton([x], norm_limit=0.1)
    optimizer.step(lambda: [(100 * slope, -metric, metric)])
    change = x.detach()
    assert float(change @ metric @ change) ** 0.5 == pytest.approx(0.1, rel=1e-3)
    assert float(change @ slope) < 0 and optimizer.report["step_length"] > 0.1


def test_groups_take_steps_of_their_own_and_may_stay():
    curvature, metric, _ = quadratic(2)
    groups = [torch.nn.Parameter(torch.ones(4, dtype=torch.float64)) for _ in range(2)]
    optimizer = MetricNewton([{"params": [g, torch.nn.Parameter(torch.zeros(0))]} for g in groups], norm_limit=10.0)
    optimizer.step(lambda: [])
    assert all(torch.equal(g, torch.ones_like(g)) for g in groups) and optimizer.report == {}
    optimizer.step(lambda: [(curvature @ g.detach(), curvature, metric) for g in groups])
    torch.testing.assert_close(groups[0].detach(), groups[1].detach())
    assert float(groups[0].detach().abs().max()) < 1e-3


@pytest.mark.parametrize("name", ["norm_limit", "least_curvature"])
def test_bad_arguments(name):
    with pytest.raises(InputError, match=f"{name} must be a finite number > 0"):
        MetricNewton([torch.nn.Parameter(torch.zeros(1))], **{name: 0.0})
