import pytest
import torch

from physgen.core.errors import InputError
from physgen.models import GaussianBinaryRBM
from physgen.samplers import MALA, Gibbs, Metropolis
from physgen.systems import QuantumDot


def test_other_densities_are_refused(generator):
    sampler = Gibbs(walkers=4)
    sampler.start(torch.zeros(4, 1, 2), generator)
    with pytest.raises(InputError, match="use Metropolis or MALA") as refusal:
        sampler.sample(lambda x: -x.square().sum((-1, -2)))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("arguments", [{"form": "marginal"}, {"form": "sqrt", "jastrow": True}, {}])
def test_models_without_conditionals_are_refused_before_any_training(arguments):
    with pytest.raises(InputError, match="form='sqrt' and jastrow=False") as refusal:
        GaussianBinaryRBM(QuantumDot(2), sampler=Gibbs(), **arguments)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("omega", [1.0, 0.25])
@pytest.mark.parametrize("symmetric", [False, True])
def test_one_law_with_metropolis_and_mala(omega, symmetric, measure, agrees, generator, float64):
    """|psi|^2 of a wavefunction in units of its length: the conditionals and ln|psi| must belong together."""
    torch.manual_seed(3)
    dot = QuantumDot(2, omega=omega)
    model = GaussianBinaryRBM(dot, hidden=2, form="sqrt", symmetric=symmetric, sampler=Gibbs())
    with torch.no_grad():
        for parameter in (model.net.machine.weight, model.net.machine.b, model.net.machine.a):
            parameter.mul_(6)
    means = {}
    for kind in (Gibbs, Metropolis, MALA):
        sampler = kind(walkers=400)
        x = dot.initial(400, generator, dtype=torch.float64)
        means[kind] = measure(
            sampler,
            model.born,
            x,
            lambda x: torch.cat([x.flatten(1), x.square().flatten(1)], 1),
            width=dot.length / 2,
        )
    for kind in (Metropolis, MALA):
        agrees(means[Gibbs] - means[kind], torch.zeros(8))
