"""A flow of a scalar field: determinant and inverse against autograd, exact symmetries, exact values."""

import pytest
import torch

from physgen.core.errors import InputError
from physgen.models import FieldCouplingFlow, Model
from physgen.runs.evaluation import Evaluation
from physgen.systems import DoubleWellCluster, QuarticWell, ScalarPhi4


def moved(size=4, **arguments):
    torch.manual_seed(0)
    model = FieldCouplingFlow(ScalarPhi4(size), **{"layers": 3, "channels": 3, "batch_size": 64, **arguments})
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model.double().eval()


@pytest.mark.parametrize("size", [2, 3, 4])
def test_determinant_and_inverse(size):
    model = moved(size)
    z = model.latent(3, torch.Generator().manual_seed(1))
    y, log_det = model.transform(z)
    full = torch.func.vmap(torch.func.jacrev(lambda one: model.transform(one[None])[0][0]))(z)
    torch.testing.assert_close(log_det, torch.linalg.slogdet(full)[1])
    torch.testing.assert_close(model.log_prob(model.shaped(y)), model.log_latent(z) - log_det)


def test_symmetries():
    model = moved(4)
    x, log_prob = model.sample(8, torch.Generator().manual_seed(2))
    for image in (-x, x.mT, x.rot90(1, (1, 2)).roll(1, 1), x.roll((2, 0), (1, 2)), x.roll((1, 1), (1, 2))):
        torch.testing.assert_close(model.log_prob(image).detach(), log_prob)


def test_the_score_is_the_gradient_of_ln_p():
    model = moved(4)
    x, log_prob, score = model.draw_with_score(model.latent(4, torch.Generator().manual_seed(3)))
    step, direction = 1e-6, torch.randn(x.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    high, low = (model.log_prob(x + sign * step * direction) for sign in (1, -1))
    torch.testing.assert_close(
        (high - low).detach() / (2 * step), (score * direction).sum((1, 2)), rtol=1e-6, atol=1e-6
    )
    torch.testing.assert_close(model.log_prob(x).detach(), log_prob)


def test_a_training_comes_near_a_free_field(trainer, tmp_path):
    torch.manual_seed(0)
    system = ScalarPhi4(2, mass2=2.0, coupling=0.0)
    model = FieldCouplingFlow(system, layers=4, channels=2, batch_size=256, steps_per_epoch=60, learning_rate=0.03)
    before = model.evaluate(Evaluation(samples=2000, batch=1000, seed=1)).estimates["kl"]
    run = trainer("32-true")
    run.fit(model)
    result = model.evaluate(Evaluation(samples=2000, batch=1000, seed=1))
    kl, exact = result.estimates["kl"], -system.references()[0].value
    assert before.value > 0.3 and -4 * kl.error < kl.value < 0.2 * before.value
    reweighted = result.estimates["free_energy_importance"]
    assert abs(reweighted.value + exact) < 4 * reweighted.error
    run.save_checkpoint(tmp_path / "model.ckpt")
    loaded = Model.load_from_checkpoint(tmp_path / "model.ckpt")
    x = loaded.sample(5, torch.Generator().manual_seed(0))[0]
    assert torch.equal(loaded.log_prob(x), model.log_prob(x))


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"system": QuarticWell()}, "space of system must be FieldLattice"),
        ({"system": DoubleWellCluster()}, "space of system must be FieldLattice"),
        ({"layers": 0}, "layers must be"),
        ({"channels": 1.5}, "channels must be"),
        ({"reach": 0}, "reach must be"),
    ],
)
def test_bad_arguments(arguments, name):
    with pytest.raises(InputError, match=name) as refusal:
        FieldCouplingFlow(**{"system": ScalarPhi4(4), **arguments})
    assert "\n" not in str(refusal.value)
