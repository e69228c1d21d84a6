"""Samples that are not finite, and errors that cannot be given, are said in the result."""

import math

import pytest
import torch

from physgen.core.errors import InputError
from physgen.models import GaussianBinaryRBM, MLPFlow, SlaterJastrow
from physgen.runs.evaluation import Evaluation
from physgen.systems import ClassicalDot, QuantumDot
from physgen.zoo.verify import Verified, judged_by

SMALL = Evaluation(samples=400, batch=100, warm_up=10, thin=1)


def spoilt_once(system, value):
    """Let the first call of `terms` give `value` in three rows."""
    terms = type(system).terms
    left = [1]

    def spoilt(x):
        found = terms(system, x)
        if left and len(x) == 100:
            left.pop()
            found["trap"] = torch.cat([torch.full_like(found["trap"][:3], value), found["trap"][3:]])
        return found

    system.__dict__["terms"] = spoilt


def test_local_energies_that_are_not_finite_are_counted_and_raise_an_alarm():
    model = GaussianBinaryRBM(QuantumDot(2), hidden=2, jastrow=True)
    spoilt_once(model.system, math.nan)
    result = model.evaluate(SMALL)
    assert result.diagnostics["nonfinite"] == 3 / 400 and "3 of 400 local energies are not finite" in result.notes[0]
    assert math.isnan(result.headline.value) and "ALARM: energy is nan" in result.alarm()
    assert "nonfinite" not in model.evaluate(SMALL).diagnostics


def test_nan_weights_of_a_wavefunction_raise_an_alarm_and_those_of_a_density_are_refused():
    model = GaussianBinaryRBM(QuantumDot(2), hidden=2)
    flow = MLPFlow(ClassicalDot(2), hidden=[8])
    for spoilt in (model, flow):
        with torch.no_grad():
            next(spoilt.parameters()).fill_(math.nan)
    assert "ALARM" in model.evaluate(SMALL).alarm()
    with pytest.raises(InputError, match="weights must be finite numbers, got 'NaN or infinity in MLPFlow'"):
        flow.evaluate(SMALL)


def test_draws_that_are_not_finite_are_counted_get_no_weight_and_raise_an_alarm():
    torch.manual_seed(0)
    model = MLPFlow(ClassicalDot(2, dim=3), hidden=[8])
    spoilt_once(model.system, math.nan)
    result = model.evaluate(SMALL)
    assert result.diagnostics["nonfinite"] == 3 / 400 and any(
        "3 of 400 draws are not finite" in n for n in result.notes
    )
    assert "ALARM: free_energy is nan" in result.alarm()
    importance = result.estimates["free_energy_importance"]
    assert math.isfinite(importance.value) and str(importance).endswith("(draws that are not finite)")


def test_few_effective_samples_carry_no_error_bar():
    torch.manual_seed(0)
    result = MLPFlow(ClassicalDot(6, dim=3, beta=20.0), hidden=[18]).evaluate(SMALL)
    assert result.diagnostics["ess"] * result.diagnostics["samples"] < 100
    reweighted = [e for name, e in result.estimates.items() if name.endswith(("_importance", "_metropolis"))]
    assert len(reweighted) > 6 and all(str(e).endswith("(too few effective samples)") for e in reweighted)
    assert math.isfinite(result.headline.error)


@pytest.mark.parametrize("n, n_up, bare", [(6, None, True), (2, 1, False)])
def test_the_kinetic_energy_by_the_gradient_of_a_psi_with_nodes_carries_no_error_bar(n, n_up, bare):
    torch.manual_seed(0)
    result = SlaterJastrow(QuantumDot(n, n_up=n_up)).evaluate(SMALL)
    found = result.estimates["kinetic_by_gradient"]
    assert math.isfinite(found.value) and ("infinite variance at nodes" in str(found)) == bare
    assert math.isfinite(result.estimates["kinetic"].error) and math.isfinite(found.error) != bare


def test_verify_judges_by_what_carries_an_error_bar():
    torch.manual_seed(0)
    found, stored = (MLPFlow(ClassicalDot(1), hidden=[8]).evaluate(SMALL) for _ in range(2))
    assert judged_by(found, stored) == "free_energy"
    stored.estimates["free_energy"] = stored.headline.without_error("infinite variance")
    assert judged_by(found, stored) == "free_energy_importance"
    verified = Verified("name", found.headline, stored.headline)
    assert verified.without_error and not verified.failure
    nan = Verified("name", found.headline.without_error("").__class__(math.nan, 0.1), found.headline)
    assert "the fresh value is nan" in nan.failure
