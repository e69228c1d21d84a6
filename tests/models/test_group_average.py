import math

import pytest
import torch

from physgen.core.errors import InputError
from physgen.models import (
    AutoregressiveMLP,
    GaussianBinaryRBM,
    GroupAverage,
    InvertibleMLPFlow,
    MLPFlow,
    TransformerFlow,
)
from physgen.nn.point_groups import images, point_group
from physgen.runs.evaluation import Evaluation
from physgen.systems import ClassicalDot, QuantumDot, QuarticWell


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(3)


def shaken(model, strength=0.2):
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(strength * torch.randn_like(parameter))
    return model


def averaged(group="C4", **arguments):
    inner = shaken(InvertibleMLPFlow(QuarticWell(), hidden=(8,), layers=2))
    return GroupAverage(QuarticWell(), group=group, model=inner, **arguments)


@pytest.mark.parametrize("group", ["reflection", "Z2", "C4", "C4v"])
def test_density_is_the_mean_over_the_images(group, total):
    model = averaged(group)
    x, log_prob = model.sample(30, torch.Generator().manual_seed(1))
    turned = images(x, point_group(group, 2))
    mean = torch.stack([model.inner.log_prob(t).exp() for t in turned]).mean(0)
    torch.testing.assert_close(log_prob.exp(), mean.detach(), rtol=1e-12, atol=0)
    for t in turned:
        torch.testing.assert_close(model.log_prob(t).detach(), log_prob, rtol=1e-12, atol=1e-12)
    assert total(model.log_prob, 2, 5.0, 101) == pytest.approx(1, abs=1e-5)


def test_draws_follow_the_density(agrees):
    """Moments of draws against the trapezoidal rule."""
    model = averaged("reflection")
    x, _ = model.sample(6000, torch.Generator().manual_seed(1))
    grid = torch.linspace(-5, 5, 161)
    points = torch.cartesian_prod(grid, grid)[:, None]
    weight = model.log_prob(points).exp().detach() * (grid[1] - grid[0]) ** 2
    for moment in (lambda x: x[..., 0], lambda x: x[..., 0] ** 2, lambda x: x[..., 1] ** 2):
        agrees(moment(x), (weight * moment(points)[:, 0]).sum())
    agrees(x[..., 1], 0.0)


@pytest.mark.parametrize("group", ["reflection", "C4", "C4v"])
def test_gain_lies_between_nothing_and_the_entropy_of_the_group(group, trainer):
    model = averaged(group)
    model.evaluation = Evaluation(samples=4000, batch=500)
    trainer().test(model, verbose=False)
    estimates = model.result.estimates
    gain, most = estimates["symmetry_gain"], math.log(len(point_group(group, 2)))
    assert 3 * gain.error < gain.value < most - 3 * gain.error
    plain, symmetric = estimates["free_energy_plain"], estimates["free_energy"]
    # the plain density's free energy from draws of its own
    x, log_prob = model.inner.sample(4000, torch.Generator().manual_seed(9))
    values = model.system.energy(x) + log_prob
    error = math.hypot(plain.error, values.std().item() / 4000**0.5)
    assert abs(values.mean().item() - plain.value) < 4 * error
    assert plain.value - symmetric.value == pytest.approx(gain.value, abs=1e-12)
    assert any("lowers F by" in note for note in model.result.notes)


def test_gain_of_images_that_do_not_overlap_is_the_whole_entropy(trainer):
    model = GroupAverage(QuarticWell(), group="C4", model=InvertibleMLPFlow(QuarticWell(), hidden=(4,), layers=1))
    with torch.no_grad():
        model.inner.shift.copy_(torch.tensor([9.0, 0.0]))
        model.inner.log_scale.fill_(-2.0)
    model.evaluation = Evaluation(samples=1000, batch=500)
    trainer().test(model, verbose=False)
    assert model.result.estimates["symmetry_gain"].value == pytest.approx(math.log(4), abs=1e-9)


def test_training_gradients(agrees):
    """All three estimators against the derivative of F by the trapezoidal rule."""
    from physgen.objectives.reverse_kl import reverse_kl

    model = averaged("C4")
    parameter = model.inner.log_scale
    grid = torch.linspace(-5, 5, 201)
    points = torch.cartesian_prod(grid, grid)[:, None]
    log_prob = model.log_prob(points)
    value = (log_prob.exp() * (log_prob + model.system.energy(points))).sum() * (grid[1] - grid[0]) ** 2
    (exact,) = torch.autograd.grad(value, parameter)
    for gradient in ("reparameterised", "path", "score"):
        generator = torch.Generator().manual_seed(4)
        rows = []
        for _ in range(60):
            loss = reverse_kl(model, 100, 1.0, generator, gradient).loss
            rows.append(torch.autograd.grad(loss, parameter)[0])
        agrees(torch.stack(rows)[:, 0], exact[0])


def test_same_as_the_mirror_of_the_autoregressive_density():
    dot = ClassicalDot(3, beta=2.0)
    plain = shaken(AutoregressiveMLP(dot, hidden=8, mirror=False), 0.1)
    mirrored = AutoregressiveMLP(dot, hidden=8, mirror=True)
    mirrored.load_state_dict(plain.state_dict())
    model = GroupAverage(dot, model=plain)
    assert model.gradient == "score" and not model.reparameterised
    x, log_prob = model.sample(50, torch.Generator().manual_seed(1))
    torch.testing.assert_close(mirrored.log_prob(x).detach(), log_prob, rtol=0, atol=1e-12)
    assert not torch.allclose(plain.log_prob(x).detach(), log_prob, atol=1e-3)


def checked():
    inner = MLPFlow(QuarticWell(), hidden=(6,), activation="asinh", starts=2)
    return GroupAverage(QuarticWell(), group="C4", model=shaken(inner, 0.15))


def test_average_of_a_checked_flow(total, trainer):
    """Normalised by the trapezoidal rule while its inverse finds every draw; the guarantee is handed on."""
    model = checked()
    assert model.guarantee == "checked" and total(model.log_prob, 2, 7.0, 41) == pytest.approx(1, abs=2e-4)
    x, log_prob = model.sample(100, torch.Generator().manual_seed(1))
    mean = torch.stack([model.inner.log_prob(t).exp() for t in images(x, model.matrices)]).mean(0)
    torch.testing.assert_close(log_prob.exp(), mean.detach(), rtol=1e-9, atol=0)
    model.evaluation = Evaluation(samples=1000, batch=500)
    trainer().test(model, verbose=False)
    result = model.result
    assert "guarantee: checked" in result.notes and result.diagnostics["density_missed"] == 0
    assert result.notes[0] == "the inverse map found the density of all 1000 draws, and det dx/dz has one sign"
    assert 0 < result.estimates["symmetry_gain"].value < math.log(4)


def test_a_checked_flow_trains_in_the_average(trainer):
    """All estimators against finite differences of the weighted density, and a few iterations of training."""
    model = checked()
    x = model.sample(20, torch.Generator().manual_seed(1))[0].requires_grad_(True)
    parameter = model.inner.net.layers[0].weight
    slopes = torch.autograd.grad(model.log_prob(x).sum(), (x, parameter))
    for leaf, slope in zip((x, parameter), slopes, strict=True):
        direction, step = torch.randn_like(leaf), 1e-6
        values = []
        for sign in (1, -1):
            with torch.no_grad():
                leaf.add_(sign * step * direction)
                values.append(model.log_prob(x.detach()).sum().item())
                leaf.sub_(sign * step * direction)
        expected = (values[0] - values[1]) / (2 * step)
        assert (slope * direction).sum().item() == pytest.approx(expected, rel=1e-5, abs=1e-6)
    for inner in (model.inner, TransformerFlow(ClassicalDot(2), blocks=1, heads=2, hidden=4)):
        for gradient in ("reparameterised", "path", "score"):
            arguments = {"batch_size": 32, "steps_per_epoch": 2, "gradient": gradient}
            average = GroupAverage(inner.system, group="Z2", model=inner, **arguments)
            trainer().fit(average)
            assert math.isfinite(average.latest["free_energy"])


def test_average_of_an_invariant_flow_gains_nothing():
    model = GroupAverage(ClassicalDot(3), group="C4v", model=TransformerFlow(ClassicalDot(3), blocks=2, heads=2))
    _, log_prob = model.sample(20, torch.Generator().manual_seed(1))
    assert not model._missed.any() and model._gain.abs().max() < 1e-9
    assert log_prob.std() > 0.1


def test_density_that_the_inverse_misses_is_no_bound(trainer):
    """One start of Newton's method in a map that folds: what is missed is said."""
    inner = MLPFlow(QuarticWell(), hidden=(6,), activation="asinh", starts=1)
    shaken(inner, 1.5)
    model = GroupAverage(QuarticWell(), group="C4", model=inner)
    model.evaluation = Evaluation(samples=500, batch=500)
    trainer().test(model, verbose=False)
    assert model.result.notes[0].startswith("NOT A BOUND: for ")
    assert model.result.diagnostics["density_missed"] > 0.01


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"group": "C5"}, "group must be one of reflection, Z2, C4, C4v, got 'C5'"),
        ({"model": GaussianBinaryRBM(QuantumDot(2))}, "model must be a density with log_prob, got GaussianBinaryRBM"),
        ({"model": InvertibleMLPFlow(ClassicalDot(3))}, r"model must be of the system ClassicalDot\(n=2"),
        ({"gradient": "scores"}, "gradient must be one of reparameterised, path, score, got 'scores'"),
        (
            {"model": AutoregressiveMLP(ClassicalDot(2)), "gradient": "path"},
            "gradient must be one of score, got 'path'",
        ),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(InputError, match=f"^{message}") as refusal:
        GroupAverage(ClassicalDot(2), **arguments)
    assert "\n" not in str(refusal.value)


def test_odd_dimension_and_broken_symmetry_are_refused(line):
    with pytest.raises(InputError, match="^dim must be even for rotations, .*, got 3$"):
        GroupAverage(ClassicalDot(2, dim=3), group="C4")

    class _Tilted(type(line)):
        """A linear force breaks the reflection: H(-x) - H(x) = -2 x."""

        def terms(self, x):
            return {"trap": 0.5 * x.square().sum((-1, -2)), "force": x.sum((-1, -2))}

    tilted = _Tilted()
    x = tilted.initial(64, torch.Generator().manual_seed(0))
    expected = (2 * x.sum((1, 2)) / tilted.energy(x)).abs().max().item()
    with pytest.raises(InputError, match="^group must be a symmetry of the system, got 'Z2', which changes") as refusal:
        GroupAverage(tilted, group="Z2")
    assert f"by up to {expected:.2g} of itself" in str(refusal.value) and "\n" not in str(refusal.value)
