import pytest
import torch

from physgen.core.errors import InputError
from physgen.models import Model, QuantumEnsemble
from physgen.systems import ClassicalDot, QuantumDot, ThermalQuantumDot


def exact(system):
    return {r.quantity: r.value for r in system.references()}


@pytest.mark.parametrize(("species", "omega"), [("electrons", 1.0), ("polarised", 0.1)])
def test_two_particles_against_their_spectrum(species, omega, trainer):
    system = ThermalQuantumDot(2, omega=omega, beta=5.0 / omega, species=species)
    torch.manual_seed(1)
    model = QuantumEnsemble(system, quanta=10, batch_size=1000, flow_steps=8, steps_per_epoch=13)
    run = trainer()
    run.fit(model)
    known = exact(system)
    assert run.global_step == 13 and model.latest["free_energy"] == pytest.approx(known["free_energy"], abs=0.02)
    found = model.observe(samples=4000, batch=1000, progress=False)
    free = found["free_energy"]
    assert -4 * free.error < free.value - known["free_energy"] < 2e-3 * omega + 4 * free.error
    assert found["energy"].value == pytest.approx(known["energy"], abs=5e-3 * omega + 4 * found["energy"].error)
    assert found["entropy"].value == pytest.approx(known["entropy"], abs=2e-2 + 4 * found["entropy"].error)
    for term in ("kinetic", "trap", "coulomb"):
        assert found[term].value == pytest.approx(known[term], abs=5 * found[term].error)
    assert not model.result.alarm()


def test_three_fermions_and_a_checkpoint(trainer, tmp_path):
    system = ThermalQuantumDot(3, beta=5.0, species="polarised")
    torch.manual_seed(1)
    model = QuantumEnsemble(system, quanta=3, flow_quanta=2, batch_size=300, flow_steps=3, steps_per_epoch=5, levels=2)
    run = trainer()
    run.fit(model)
    found = model.observe(samples=1000, batch=250, progress=False)
    # an upper bound of F = 6.7466(1), by configuration interaction of exact matrix elements
    error = found["free_energy"].error
    assert 6.7466 - 4 * error < found["free_energy"].value < 6.80 + 4 * error
    run.save_checkpoint(tmp_path / "model.ckpt")
    loaded = Model.load_from_checkpoint(tmp_path / "model.ckpt")
    x = system.initial(5, torch.Generator().manual_seed(0), dtype=torch.float64)
    assert torch.equal(loaded.log_prob(x), model.log_prob(x)) and loaded.spec() == model.spec()


def test_a_training_goes_on_bit_for_bit(trainer, tmp_path):
    def made():
        torch.manual_seed(3)
        system = ThermalQuantumDot(2, beta=5.0, species="bosons")
        return QuantumEnsemble(system, quanta=4, batch_size=64, flow_steps=2, steps_per_epoch=2)

    whole, first, second = made(), made(), made()
    trainer(epochs=3).fit(whole)
    run = trainer(epochs=1)
    run.fit(first)
    run.save_checkpoint(tmp_path / "model.ckpt")
    trainer(epochs=3).fit(second, ckpt_path=tmp_path / "model.ckpt", weights_only=True)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name


THERMAL = {"beta": 5.0, "species": "polarised"}


@pytest.mark.parametrize(
    ("system", "arguments", "words"),
    [
        (lambda: QuantumDot(2), {}, "system must be a ThermalQuantumDot for QuantumEnsemble, got 'QuantumDot'"),
        (lambda: ClassicalDot(2), {}, "system must be a ThermalQuantumDot for QuantumEnsemble, got 'ClassicalDot'"),
        (lambda: ThermalQuantumDot(3), {}, "n of the system must be an integer from 2 to 2 .* of electrons, got 3"),
        (lambda: ThermalQuantumDot(5, **THERMAL), {}, "n of the system must be an integer from 2 to 4 .* polarised"),
        (lambda: ThermalQuantumDot(1, **THERMAL), {}, "n of the system must be an integer from 2 to 4"),
        (lambda: ThermalQuantumDot(2, **THERMAL), {"quanta": 1}, "quanta must be an integer >= 4, got 1"),
        (lambda: ThermalQuantumDot(2, **THERMAL), {"quanta": 400}, "quanta must be such that a core has at most 6000"),
        (lambda: ThermalQuantumDot(2, **THERMAL), {"quanta": 4, "levels": 99}, "levels must be at most 12, the states"),
        (lambda: ThermalQuantumDot(2, **THERMAL), {"batch_size": 0}, "batch_size must be an integer >= 2"),
        (lambda: ThermalQuantumDot(2, **THERMAL), {"pair_terms": 1}, "pair_terms must be an integer >= 2"),
    ],
)
def test_bad_arguments(system, arguments, words):
    with pytest.raises(InputError, match=words) as refusal:
        QuantumEnsemble(system(), **arguments)
    assert "\n" not in str(refusal.value)


def test_another_optimiser_is_refused(trainer):
    model = QuantumEnsemble(ThermalQuantumDot(2, **THERMAL), quanta=4, batch_size=64, steps_per_epoch=1)
    model.configure_optimizers = lambda: torch.optim.Adam(model.parameters())
    with pytest.raises(InputError, match="optimizer must be left out: QuantumEnsemble takes Newton steps of its own"):
        trainer().fit(model)
