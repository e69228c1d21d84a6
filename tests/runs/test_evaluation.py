import dataclasses
import math

import pytest

from physgen.core.errors import InputError
from physgen.runs.evaluation import Evaluation


@pytest.mark.parametrize(
    ("samples", "batch", "steps"), [(1000, 100, 10), (1001, 100, 11), (100, 100, 1), (199, 100, 2)]
)
def test_batches_that_are_measured_in_any_case(samples, batch, steps):
    evaluation = Evaluation(samples=samples, batch=batch)
    assert evaluation.steps == evaluation.max_steps == steps


def test_batches_at_most_when_an_error_is_wanted():
    evaluation = Evaluation(samples=1000, batch=100, until_error=1e-3, max_samples=5050)
    assert (evaluation.steps, evaluation.max_steps) == (10, 51)
    with pytest.raises(InputError, match="max_samples 10 has no effect without evaluation.until_error"):
        Evaluation(samples=1000, batch=100, max_samples=10)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("batch", v) for v in (1, 0, -5, 2.0, True, "10", None)],
        *[("samples", v) for v in (0, 999, 1e4, True, None)],
        *[("thin", v) for v in (0, 1.5)],
        *[("warm_up", v) for v in (-1, 0.5)],
        *[("seed", v) for v in (-1, 1.0, None)],
        *[("max_samples", v) for v in (0, -1, 1e6)],
        *[("until_error", v) for v in (0, -1e-3, math.nan, math.inf, "0.1", True)],
    ],
)
def test_bad_arguments_are_named(name, value):
    with pytest.raises(InputError, match=rf"^evaluation\.{name} must be .*, got ") as refusal:
        Evaluation(**{name: value})
    assert "\n" not in str(refusal.value)


def test_a_limit_below_the_samples_is_refused_when_it_counts():
    with pytest.raises(InputError, match=r"^evaluation\.max_samples must be at least evaluation\.samples = 2000"):
        Evaluation(samples=2000, until_error=0.1, max_samples=1000)


def test_defaults_are_allowed():
    assert dataclasses.replace(Evaluation(), until_error=1) == Evaluation(until_error=1)
