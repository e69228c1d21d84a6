import math

import pytest
import torch
from lightning.pytorch import Callback
from torch.autograd.functional import jacobian

from physgen.core.errors import InputError
from physgen.models import Model, TransformerFlow
from physgen.nn.flows.ginibre_ensemble import GinibreEnsemble, NormalCloud
from physgen.runs.evaluation import Evaluation
from physgen.systems import ClassicalDot, QuarticWell

SMALL = {"blocks": 2, "heads": 3, "hidden": 8}
#: without attention a number of heads has no effect
WITHOUT = {"blocks": 2, "hidden": 8}


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(3)


#: Gaussians about the centre in place of bumps and ranks, from independent particles
BLUNT = {"base": "gaussian", "radial": "ladder", "radii": 4, "ranks": 0}


def moved(n=5, dim=2, strength=0.03, **arguments):
    small = SMALL if arguments.get("attention", True) else WITHOUT
    model = TransformerFlow(ClassicalDot(n, dim=dim, beta=2.0), **{**small, **arguments})
    with torch.no_grad():
        model.log_scale.fill_(0.2)
        for block in model.net:
            block.last.weight.normal_(0, strength)
    return model


@pytest.mark.parametrize(
    ("attention", "dim", "base"), [(True, 2, None), (True, 2, "gaussian"), (True, 3, None), (False, 2, "ginibre")]
)
def test_density_is_invariant(attention, dim, base):
    """p(g x) = p(x) under permutations, rotations and reflections together."""
    model = moved(dim=dim, attention=attention, base=base)
    x, log_prob = model.sample(20, torch.Generator().manual_seed(1))
    assert log_prob.std() > 0.5
    for _ in range(2):
        g = torch.linalg.qr(torch.randn(dim, dim))[0]
        for sign in (1, -1):
            turned = model.log_prob((x @ g.mT * torch.tensor([1.0] * (dim - 1) + [sign]))[:, torch.randperm(5)])
            torch.testing.assert_close(turned.detach(), log_prob, rtol=0, atol=1e-9)


@pytest.mark.parametrize("attention", [True, False])
def test_log_determinant_and_jacobian(attention):
    model = moved(attention=attention)
    z = model.latent(4, None)
    y, log_det, transposed = model.transform_and_jacobian(z)
    for row in range(4):
        expected = jacobian(lambda one: model.transform(one[None])[0][0], z[row])
        torch.testing.assert_close(transposed[row].mT, expected, rtol=1e-11, atol=1e-11)
        torch.testing.assert_close(log_det[row], torch.linalg.slogdet(expected)[1], rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(model.transform(z)[0], y, rtol=0, atol=0)


@pytest.mark.parametrize("base", ["ginibre", "gaussian"])
def test_centre_of_mass_is_exact(agrees, base):
    """<R^2> = dim / (2 beta n), whatever the weights; and ln p separates it."""
    model = moved(base=base)
    x, log_prob = model.sample(4000, torch.Generator().manual_seed(1))
    centre = x.mean(1)
    agrees(centre.square().sum(-1), 2 / (2 * 2.0 * 5))
    shift = torch.tensor([0.3, -0.2])
    other = model.log_prob(x[:20] + shift).detach()
    change = -2.0 * 5 * ((centre[:20] + shift).square().sum(-1) - centre[:20].square().sum(-1))
    torch.testing.assert_close(other - log_prob[:20], change, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("base", ["ginibre", "gaussian"])
def test_density_is_normalised_by_importance(agrees, base):
    """Two charges: the mean of q / p over draws of p is 1 for another normalised q, that of a repelling pair."""
    model = moved(n=2, base=base)
    x, log_prob = model.sample(4000, torch.Generator().manual_seed(1))
    width = 0.8 * x.std()
    cloud = GinibreEnsemble(2) if base == "ginibre" else NormalCloud(2, 2)
    other = cloud.log_prob(x / width) - 4 * width.log()
    agrees(torch.exp(other - log_prob), 1.0)


def test_gradient_of_log_prob():
    model = moved()
    x = model.sample(3, torch.Generator().manual_seed(1))[0].requires_grad_(True)
    (slope,) = torch.autograd.grad(model.log_prob(x).sum(), x)
    direction, step = torch.randn_like(x), 1e-5
    with torch.no_grad():
        values = [model.log_prob(x + s * step * direction).sum().item() for s in (1, -1)]
    assert (slope * direction).sum().item() == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-6)


def test_penalty_keeps_blocks_monotone(trainer):
    """A step far too large folds the map; the penalty undoes it, its cost falls to nothing."""
    torch.manual_seed(2)
    model = moved(strength=0.25, **BLUNT, fold_penalty=100.0, learning_rate=2e-2, steps_per_epoch=40, batch_size=64)
    model.train()
    z = model.latent(500, torch.Generator().manual_seed(4))
    model.transform(z)
    before = float(model._excess.detach())
    assert before > 0.05
    trainer(epochs=1).fit(model)
    model.train()
    model.transform(z)
    assert float(model._excess.detach()) < 0.1 * before


def folded(n=3):
    """The first block turns particles about the centre inside out where they are close to it."""
    model = moved(n=n, attention=False, blocks=1, **{**BLUNT, "radii": 1})
    with torch.no_grad():
        block = model.net[0]
        block.last.weight.fill_(0)
        block.first.weight.fill_(3.0)
        block.first.bias.fill_(-1.5)
        block.last.weight.fill_(-1.2)
        block.last.bias.fill_(-0.5)
    return model


def test_a_fold_is_called_not_a_bound(trainer):
    model = folded()
    model.evaluation = Evaluation(samples=2000, batch=500)
    trainer().test(model, verbose=False)
    result = model.result
    assert result.notes[0].startswith("NOT A BOUND: det dx/dz has both signs")
    assert result.diagnostics["minority_sign"] > 0.01 and result.diagnostics["not_monotone"] > 0.01


def test_a_sound_map_says_so(trainer):
    model = moved(strength=0.02)
    model.evaluation = Evaluation(samples=1000, batch=500)
    trainer().test(model, verbose=False)
    result = model.result
    assert result.notes[0] == "det dx/dz has one sign in all 1000 draws: no fold was seen"
    assert result.notes[1].startswith(
        "a block is not monotone at 0 of 1000 draws; Newton's method inverts 1000 of 1000"
    )
    assert result.diagnostics["inverted"] == 1 and result.diagnostics["round_trip"] < 1e-9
    assert "guarantee: checked" in result.notes


def test_late_blocks_join_when_their_time_has_come(trainer):
    """Until then they are left out, and the identity; afterwards they learn, from a small learning rate on."""
    model = moved(blocks=3, late_blocks=1, late_from=0.5, steps_per_epoch=10, batch_size=16)
    model.net[2].make_identity()
    z = model.latent(5, torch.Generator().manual_seed(1))
    seen, rates = [], []

    class Watch(Callback):
        def on_train_batch_start(self, trainer, *_):
            rates.append(trainer.optimizers[0].param_groups[0]["lr"])

        def on_train_batch_end(self, trainer, module, *_):
            seen.append((module.waiting, float(module.net[2].last.weight.detach().abs().max())))

    model.waiting = 1
    without = model.transform(z)
    model.waiting = 0
    assert all(torch.equal(a, b) for a, b in zip(without, model.transform(z), strict=True))
    run = trainer(epochs=1)
    run.callbacks.append(Watch())
    run.fit(model)
    assert seen[:5] == [(1, 0.0)] * 5
    assert all(waiting == 0 and weight > 0 for waiting, weight in seen[5:])
    cosine = [0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done / 10)) for done in range(10)]
    warm = [(1 + done % 5) / 50 for done in range(10)]
    assert rates == pytest.approx([model.learning_rate * a * b for a, b in zip(warm, cosine, strict=True)])


def test_recipes_of_older_files_keep_their_meaning(tmp_path):
    """Files from before there was a choice of the base hold Gaussian flows with a ladder of radii."""
    model = TransformerFlow(ClassicalDot(3, beta=2.0), **SMALL, **BLUNT)
    path = tmp_path / "model.ckpt"
    model.save(path)
    checkpoint = torch.load(path, weights_only=True)
    for name in ("base", "radial", "ranks", "late_blocks", "late_from"):
        del checkpoint["physgen"]["init_args"][name]
    torch.save(checkpoint, path)
    loaded = Model.load_from_checkpoint(path)
    x, log_prob = model.sample(3, torch.Generator().manual_seed(0))
    torch.testing.assert_close(loaded.log_prob(x), log_prob)
    assert isinstance(loaded.base, NormalCloud)


def test_the_ginibre_ensemble_is_for_the_plane():
    with pytest.raises(InputError, match="^base must be gaussian outside the plane, got 'ginibre'"):
        TransformerFlow(ClassicalDot(3, dim=3), **SMALL, base="ginibre")


def test_systems_without_the_symmetries_are_refused():
    with pytest.raises(InputError, match="^system must have permutation, rotation and reflection symmetry") as refusal:
        TransformerFlow(QuarticWell())
    assert "QuarticWell lacks permutation, rotation, reflection" in str(refusal.value)


def test_two_charges_are_learned(trainer):
    """Reverse KL against the exact free energy by quadrature; their distance is that to the centre too."""
    left = {}
    for attention in (True, False):
        torch.manual_seed(1)
        dot = ClassicalDot(2, beta=2.0)
        small = SMALL if attention else WITHOUT
        model = TransformerFlow(
            dot, batch_size=64, **small, **BLUNT, attention=attention, learning_rate=2e-2, steps_per_epoch=100
        )
        trainer(epochs=1).fit(model)
        x, log_prob = model.sample(4000, torch.Generator().manual_seed(2))
        values = log_prob + dot.beta * (dot.energy(x) - dot.references()[0].value)
        left[attention] = values.mean().item()
        assert left[attention] > -4 * values.std().item() / 4000**0.5
        assert isinstance(model, Model)
    assert left[True] < 0.05 and left[False] < 0.1
