import math

import pytest
import torch

from physgen.core.errors import InputError
from physgen.stats import ImportanceWeights, importance_estimates, precision

SIGMA = 0.8  # target exp(-x^2 / (2 sigma^2)), draws from the unit normal: bounded weights
LOG_Z = 0.5 * math.log(2 * math.pi * SIGMA**2)


def draws(generator, *shape):
    x = torch.randn(*shape, generator=generator, dtype=torch.float64)
    return x, -0.5 * x**2 / SIGMA**2 + 0.5 * x**2 + 0.5 * math.log(2 * math.pi)


def metric_of(*batches, names=("square", "energy")):
    metric = ImportanceWeights(observables=names)
    for x, log_weight in batches:
        metric.update(log_weight, square=x**2, energy=3 + x)
    return metric


def direct(x, log_weight):
    """The estimates from normalised weights, written another way."""
    share = torch.softmax(log_weight, dim=0)
    n = len(x)
    relative = share * n
    result = {
        "ess": 1 / (n * share.square().sum()),
        "count": torch.tensor(float(n), dtype=torch.float64),
        "largest_weight": share.max(),
        "log_z": torch.logsumexp(log_weight, 0) - math.log(n),
        "log_z_error": relative.std() / math.sqrt(n),
    }
    for name, value in (("square", x**2), ("energy", 3 + x)):
        result[name] = (share * value).sum()
        residual = relative * (value - result[name])
        result[f"{name}_error"] = residual.std() / math.sqrt(n)
    return result


def assert_same(result, expected, rtol=1e-12):
    torch.testing.assert_close(result, expected, rtol=rtol, atol=1e-13)


def test_against_direct_formulas(generator):
    x, log_weight = draws(generator, 1000)
    assert_same(metric_of((x, log_weight)).compute(), direct(x, log_weight))
    assert_same(importance_estimates(log_weight, square=x**2, energy=3 + x), metric_of((x, log_weight)).compute())


@pytest.mark.parametrize("sizes", [(1,) * 100, (37, 63), (99, 1), (0, 100)])
def test_any_split_into_batches_is_the_same(generator, sizes):
    x, log_weight = draws(generator, 100)
    log_weight = 50 * log_weight  # batches of very different weight
    parts = zip(x.split(sizes), log_weight.split(sizes), strict=True)
    assert_same(metric_of(*parts).compute(), metric_of((x, log_weight)).compute())


def test_ranks_merge_exactly(generator, synced):
    x, log_weight = draws(generator, 300)
    whole = metric_of((x, log_weight)).compute()
    ranks = [metric_of((x[:50], log_weight[:50]), (x[50:80], log_weight[50:80])), metric_of((x[80:], log_weight[80:]))]
    metric = synced(*ranks, metric_of())
    assert_same(metric.compute(), whole)
    assert metric.sums[1] == 80  # the rank's own again, ready for more


def test_forward_and_merge_state(generator):
    x, log_weight = draws(generator, 90)
    whole = metric_of((x, log_weight)).compute()
    metric = metric_of()
    batch = metric(log_weight[:30], square=x[:30] ** 2, energy=3 + x[:30])
    assert_same(batch, metric_of((x[:30], log_weight[:30])).compute())
    metric(log_weight[30:60], square=x[30:60] ** 2, energy=3 + x[30:60])
    metric.merge_state(metric_of((x[60:], log_weight[60:])))
    assert_same(metric.compute(), whole)


@pytest.mark.parametrize("offset", [-1e4, 1e4])
def test_extreme_log_weights(generator, offset):
    x, log_weight = draws(generator, 200)
    plain = metric_of((x, log_weight)).compute()
    halves = [(x[:100], log_weight[:100] + offset), (x[100:], log_weight[100:] + offset)]
    shifted = metric_of(*halves).compute()
    assert float(shifted.pop("log_z")) == pytest.approx(float(plain.pop("log_z")) + offset, abs=1e-8)
    assert_same(shifted, plain, rtol=1e-9)  # adding 1e4 already rounds the log weights


def test_batches_of_opposite_extremes(generator):
    x, log_weight = draws(generator, 200)
    top = metric_of((x[:100], log_weight[:100] + 1e4)).compute()
    both = metric_of((x[100:], log_weight[100:] - 1e4), (x[:100], log_weight[:100] + 1e4)).compute()
    assert float(both["ess"]) == pytest.approx(float(top["ess"]) / 2, rel=1e-12)
    assert float(both["log_z"]) == pytest.approx(float(top["log_z"]) - math.log(2), rel=1e-12)
    assert float(both["square"]) == pytest.approx(float(top["square"]), rel=1e-12)


def test_large_offset_does_not_cancel(generator):
    x, log_weight = draws(generator, 1000)
    metric = ImportanceWeights(observables=["energy"])
    for i in range(0, 1000, 100):
        metric.update(log_weight[i : i + 100], energy=1e6 + 1e-3 * x[i : i + 100])
    result, plain = metric.compute(), importance_estimates(log_weight, energy=x)
    assert float(result["energy_error"]) == pytest.approx(1e-3 * float(plain["energy_error"]), rel=1e-6)
    assert float(result["energy"] - 1e6) == pytest.approx(1e-3 * float(plain["energy"]), abs=1e-9)


def test_exact_density_has_no_error():
    metric = ImportanceWeights()
    for _ in range(3):
        metric.update(torch.full((10,), 2.5))
    result = metric.compute()
    assert (result["ess"], result["log_z"], result["log_z_error"]) == (1, 2.5, 0)
    assert float(result["largest_weight"]) == pytest.approx(1 / 30)


def test_intervals_cover(generator):
    x, log_weight = draws(generator, 300, 400)
    inside = torch.zeros(2)
    for i in range(300):
        metric = ImportanceWeights(observables=["square"])
        for part in (slice(150), slice(150, 400)):
            metric.update(log_weight[i, part], square=x[i, part] ** 2)
        result = metric.compute()
        inside[0] += abs(float(result["log_z"]) - LOG_Z) < 1.96 * float(result["log_z_error"])
        inside[1] += abs(float(result["square"]) - SIGMA**2) < 1.96 * float(result["square_error"])
    assert ((inside / 300 >= 0.90) & (inside / 300 <= 0.98)).all()


def test_unit_weights_give_the_plain_mean(generator):
    value = torch.randn(50, generator=generator, dtype=torch.float64)
    result = importance_estimates(torch.zeros(50), value=value)
    assert float(result["value"]) == pytest.approx(float(value.mean()), rel=1e-12)
    assert float(result["value_error"]) == pytest.approx(float(value.std()) / math.sqrt(50), rel=1e-12)


def test_zero_weights_count_but_do_not_weigh():
    log_weight = torch.tensor([0.0, -math.inf, 0.0, -math.inf])
    result = importance_estimates(log_weight, energy=torch.tensor([1.0, math.inf, 3.0, math.nan]))
    assert (result["ess"], result["count"], result["energy"], result["largest_weight"]) == (0.5, 4, 2, 0.5)
    assert float(result["log_z"]) == pytest.approx(math.log(0.5))
    metric = ImportanceWeights(observables=["energy"])
    metric.update(log_weight[1::2], energy=torch.tensor([math.inf, math.nan]))
    nothing = metric.compute()
    assert nothing["ess"] == 0 and nothing["log_z"] == -math.inf and nothing["energy"].isnan()
    metric.update(log_weight[::2], energy=torch.tensor([1.0, 3.0]))
    assert_same(metric.compute(), result)


def test_one_draw_has_an_unknown_error():
    result = importance_estimates(torch.tensor([1.5]), energy=torch.tensor([2.0]))
    assert result["log_z"] == 1.5 and result["energy"] == 2
    assert result["log_z_error"].isnan() and result["energy_error"].isnan()


def test_free_energy(generator):
    x, log_weight = draws(generator, 1000)
    metric = metric_of((x, log_weight))
    value, error = metric.free_energy(2.0)
    result = metric.compute()
    assert value == -result["log_z"] / 2 and error == result["log_z_error"] / 2
    with pytest.raises(InputError, match="beta"):
        metric.free_energy(0)


def test_states_keep_double_precision(generator, monkeypatch):
    metric = metric_of(draws(generator, 100))
    before = metric.sums.clone()
    torch.nn.Sequential(metric).to(torch.bfloat16)
    assert torch.equal(metric.sums, before) and metric.state_dict() == {}
    monkeypatch.setattr(precision, "NARROW_DEVICES", {"meta"})  # stands for mps
    assert metric.to("meta").sums.dtype == torch.float32
    metric.reset()
    assert metric.sums.dtype == torch.float32


def test_wrong_weights_and_observables():
    metric = ImportanceWeights(observables=["energy"])
    good = torch.zeros(2)
    for bad in (torch.tensor([0.0, math.nan]), torch.tensor([0.0, math.inf]), torch.zeros(2, 1)):
        with pytest.raises(InputError, match="log_weight"):
            metric.update(bad, energy=good)
    with pytest.raises(InputError, match="exactly"):
        metric.update(good)
    with pytest.raises(InputError, match="exactly"):
        metric.update(good, energy=good, square=good)
    with pytest.raises(InputError, match="of shape"):
        metric.update(good, energy=torch.zeros(3))
    with pytest.raises(InputError, match="finite where"):
        metric.update(good, energy=torch.tensor([0.0, math.nan]))
    metric.update(good[:0], energy=good[:0])
    with pytest.raises(InputError, match="updated before compute"):
        metric.compute()


@pytest.mark.parametrize("names", ["energy", ["a", "a"], ["a", "a_error"], ["ess"], ["log_z"], ["log_weight"]])
def test_wrong_names(names):
    with pytest.raises(InputError, match="observables"):
        ImportanceWeights(observables=names)
