"""Autoencoders that learn from samples, against sums over all states and exact partition functions."""

import numpy as np
import pytest
import torch

from physgen.core.enumeration import every_state
from physgen.core.errors import InputError
from physgen.models import Model, VariationalAutoencoder
from physgen.samplers import MALA
from physgen.systems import BarsAndStripes, ClassicalDot, Ising2D, QuantumDot


def small(system=None, **arguments):
    torch.manual_seed(1)
    system = Ising2D(3, beta=0.3) if system is None else system
    sizes = {"latent": 2, "hidden": 16, "batch_size": 128, "learning_rate": 5e-3, "steps_per_epoch": 300}
    if "data_file" not in arguments:
        sizes["data_size"] = 3000
    if system.space.continuous:
        sizes["data"] = MALA(walkers=400, steps=20, warm_up_steps=100)
    return VariationalAutoencoder(system, **{**sizes, **arguments})


def test_it_learns_the_ising_model_and_its_bounds_are_in_order(trainer):
    model = small()
    trainer("32-true").fit(model)
    found = model.observe(samples=8000, seed=2)
    exact = {r.quantity: r.value for r in model.system.references()}
    elbo, ten, hundred = (found[name] for name in ("elbo", "iw_10", "iw_100"))
    assert elbo.value < ten.value < hundred.value < -exact["entropy"] + 3 * hundred.error
    # what all states say: the marginal by many latents of the prior
    states = every_state(9, (-1.0, 1.0))
    with torch.no_grad():
        z = torch.randn(20_000, 1, 2, generator=torch.Generator().manual_seed(1))
        log_q = torch.cat([model.float().net.log_decoder(part, z).logsumexp(0) for part in states.split(64)]).double()
    log_q = log_q - np.log(20_000)
    assert abs(log_q.logsumexp(0)) < 0.02
    log_p = (-0.3 * model.system.energy(states.view(-1, 3, 3))).log_softmax(0)
    divergence = float((log_p.exp() * (log_p - log_q)).sum())
    assert 0 < divergence < 0.2
    assert found["forward_kl"].value > divergence - 4 * found["forward_kl"].error
    # weights of the latents are exact
    free = found["free_energy_importance"]
    assert abs(free.value - exact["free_energy"]) < 3 * free.error
    assert found["kl"].value > 0 and model.result.guarantee == "bound" and model.result.is_bound
    assert model.result.alarms == []


@pytest.mark.parametrize("system", [BarsAndStripes(2), ClassicalDot(2, beta=2.0)])
def test_zeros_and_ones_and_particles(system, trainer):
    model = small(system, importance=2, steps_per_epoch=100)
    before = model.observe(samples=2000, seed=1)
    trainer("32-true").fit(model)
    after = model.observe(samples=2000, seed=1)
    assert after["log_likelihood"].value > before["log_likelihood"].value + 3 * after["log_likelihood"].error
    x, _ = model.sample(5, 1)
    system.space.check(x)


def test_spins_that_may_flip_have_a_law_that_is_even():
    model = small().double()
    x = model.system.initial(6, torch.Generator().manual_seed(1), dtype=torch.float64)
    noise = model.latent_noise(50, 1, torch.Generator().manual_seed(2))
    torch.testing.assert_close(model.log_ratio(x, noise), model.log_ratio(-x, -noise))
    assert not small(even=False).even and not small(BarsAndStripes(2)).even


def test_resumed_training_goes_on_bit_for_bit(trainer, tmp_path):
    whole, part = small(steps_per_epoch=4), small(steps_per_epoch=4)
    trainer("32-true", epochs=2).fit(whole)
    first = trainer("32-true", epochs=2, max_steps=4)
    first.fit(part)
    first.save_checkpoint(tmp_path / "half.ckpt")
    again = small(steps_per_epoch=4)
    trainer("32-true", epochs=2).fit(again, ckpt_path=tmp_path / "half.ckpt")
    assert all(torch.equal(a, b) for a, b in zip(again.parameters(), whole.parameters(), strict=True))
    assert type(Model.load_from_checkpoint(tmp_path / "half.ckpt")) is VariationalAutoencoder


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"latent": 0}, "^latent must be"),
        ({"hidden": 2.5}, "^hidden must be"),
        ({"importance": 0}, "^importance must be"),
        ({"latents": 0}, "^latents must be"),
        ({"even": 1}, "^even must be"),
        ({"even": True, "system": BarsAndStripes(2)}, "^even must be false where"),
        ({"system": QuantumDot(2)}, "^system must be a classical system"),
    ],
)
def test_bad_arguments_are_named(arguments, words):
    with pytest.raises(InputError, match=words) as refusal:
        VariationalAutoencoder(**{"system": Ising2D(3), **arguments})
    assert "\n" not in str(refusal.value)
