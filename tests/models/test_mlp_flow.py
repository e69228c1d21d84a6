import math

import pytest
import torch

from physgen.models import MLPFlow
from physgen.runs.evaluation import Evaluation
from physgen.systems import ClassicalDot, QuarticWell


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(3)


def folding(line, strength=6.0, starts=16):
    """z -> asinh(3 z + 0.2) - strength asinh(0.3 z): it rises about the origin and falls on both sides."""
    model = MLPFlow(line, hidden=[2], activation="asinh", starts=starts)
    with torch.no_grad():
        first, last = model.net.layers
        first.weight.copy_(torch.tensor([[3.0], [0.3]]))
        first.bias.copy_(torch.tensor([0.2, 0.0]))
        last.weight.copy_(torch.tensor([[1.0, -strength]]))
        last.bias.zero_()
    return model


def bounded(line):
    """z -> tanh(z) on the line: the image is (-1, 1)."""
    model = MLPFlow(line, hidden=[1], activation="tanh")
    with torch.no_grad():
        for layer in model.net.layers:
            layer.weight.fill_(1.0)
            layer.bias.zero_()
    return model


def test_every_preimage_of_a_fold_counts(line, generator):
    model = folding(line)
    x, printed = model.sample(500, generator)
    full = model.log_prob(x)
    count = model.preimages(x)[1].sum(1)
    assert set(count.tolist()) == {1, 3}
    # where there is one preimage the density printed with a draw is the whole, elsewhere a part of it
    torch.testing.assert_close(full[count == 1], printed[count == 1], rtol=1e-8, atol=1e-8)
    assert (full[count == 3] > printed[count == 3] + 1e-3).all()


def test_density_of_a_fold_is_normalised(line):
    """The density has inverse square roots at the folds: Gauss-Legendre between them, in x = sin t."""
    model = folding(line)
    z = torch.linspace(-8, 8, 200_001)[:, None]
    value = model.scale * model.net.value(z)[:, 0].detach()
    turns = value[1:-1][((value[1:-1] - value[:-2]) * (value[2:] - value[1:-1])) < 0].tolist()
    assert len(turns) == 2
    cuts = sorted([value.min().item(), *turns, value.max().item()])
    t = (torch.arange(100) + 0.5) / 100 * math.pi
    mass = 0.0
    for low, high in zip(cuts[:-1], cuts[1:], strict=True):
        x = (low + high) / 2 - (high - low) / 2 * torch.cos(t)
        density = model.log_prob(x[:, None, None]).exp()
        mass += (density * (high - low) / 2 * torch.sin(t)).sum().item() * math.pi / 100
    assert mass == pytest.approx(1, abs=1e-3)
    # without the other sheets it would not be


def test_a_fold_is_called_not_a_bound(line, trainer):
    model = folding(line)
    model.evaluation = Evaluation(samples=2000, batch=500)
    trainer().test(model, verbose=False)
    notes = model.result.notes
    assert notes[0].startswith("NOT A BOUND: det dx/dz has both signs")
    share = model.result.diagnostics["minority_sign"]
    rarer = round(share * 2000)
    assert f"({rarer} of 2000 draws" in notes[0] and 0.05 < share < 0.5
    # weight of the Gaussian where the slope is positive
    z = torch.linspace(-6, 6, 400_001)[:, None]
    positive = model.net(z)[2] > 0
    weight = torch.exp(-0.5 * z[:, 0] ** 2)
    exact = (weight * positive).sum() / weight.sum()
    exact = min(exact, 1 - exact).item()
    assert share == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / 2000))


def test_a_map_without_fold_says_so(line, trainer):
    model = bounded(line)
    model.evaluation = Evaluation(samples=1000, batch=500)
    trainer().test(model, verbose=False)
    assert model.result.notes[0] == "det dx/dz has one sign in all 1000 draws: no fold was seen"
    assert model.result.diagnostics["minority_sign"] == 0
    assert any("image of a tanh network is bounded" in note for note in model.result.notes)


def test_no_density_outside_the_image_of_tanh(line, total):
    model = bounded(line)
    edge = model.scale
    inside = torch.linspace(-0.999, 0.999, 41) * edge
    outside = torch.tensor([-5.0, -1.001, 1.001, 2.0, 1e3]) * edge
    assert (model.log_prob(outside[:, None, None]) == -torch.inf).all()
    z = torch.atanh(inside / edge)
    expected = -0.5 * z.square() - 0.5 * math.log(2 * math.pi) - torch.log(edge * (1 - (inside / edge) ** 2))
    torch.testing.assert_close(model.log_prob(inside[:, None, None]), expected, rtol=1e-9, atol=1e-9)
    assert total(model.log_prob, 1, 1.2 * edge, 601) == pytest.approx(1, abs=1e-3)


def test_density_of_draws_in_single_precision(generator):
    """Starts that end at one preimage up to rounding are one preimage."""
    for activation in ("tanh", "asinh"):
        model = MLPFlow(QuarticWell(), hidden=[16, 16], activation=activation, starts=20).float()
        x, printed = model.sample(300, generator)
        torch.testing.assert_close(model.log_prob(x), printed, rtol=0, atol=1e-2)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "softplus", "asinh"])
@pytest.mark.parametrize("start", ["cloud", "places"])
def test_starts_without_a_fold_near_the_first_guess(activation, start, generator, agrees):
    dot = ClassicalDot(3, beta=5.0)
    model = MLPFlow(dot, hidden=[32, 32], activation=activation, start=start)
    model.sample(1000, generator)
    assert model.watched()["minority_sign"] == 0
    gain = 1.0 if start == "cloud" else dot.thermal_width / dot.spread
    centre, transposed = model.jacobian(torch.zeros(1, 6))
    torch.testing.assert_close(transposed[0], gain * torch.eye(6), rtol=1e-9, atol=1e-9)
    # three charges rest on an equilateral triangle, where r^3 = 1 / (2 sqrt 3) balances trap and repulsion
    radius = 0.0 if start == "cloud" else (2 * math.sqrt(3)) ** (-1 / 3)
    found = dot.spread * centre.view(3, 2).norm(dim=-1)
    torch.testing.assert_close(found, torch.full((3,), radius), rtol=0, atol=1e-5)


def test_notes_on_permutation_sectors():
    text = " ".join(MLPFlow(ClassicalDot(5, beta=2.0), activation="asinh").notes)
    assert "labelled" in text and f"{math.lgamma(6) / 2:.3f}" in text and "bounded" not in text
    assert "labelled" not in " ".join(MLPFlow(QuarticWell()).notes)
