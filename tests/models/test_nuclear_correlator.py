"""Correlators of light nuclei: gradients against quadrature, observables against identities, short trainings."""

import math

import numpy as np
import pytest
import torch
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from physgen.core.errors import InputError
from physgen.dmc.guide import check_guide
from physgen.models import JastrowCorrelator, NuclearCorrelator
from physgen.nn.sample_gradients import by_vmap
from physgen.objectives.component_energy import component_rows, component_values
from physgen.objectives.variational_energy import local_energies
from physgen.observables.nuclear_radii import NuclearRadii
from physgen.observables.pair_density import PairDensity
from physgen.runs.evaluation import Evaluation
from physgen.samplers import Metropolis
from physgen.systems import At, LightNucleus, QuantumDot


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(4)


def grid(points=40, angles=20, end=9.0):
    """Relative vectors of three nucleons up to rotations `(N, 2, 3)`, and their weights."""
    r, w = (torch.tensor(part) for part in np.polynomial.legendre.leggauss(points))
    # dense where forces are: r = end t^2
    t, w = 0.5 * (r + 1), 0.5 * w
    r, w = end * t**2, w * 2 * end * t
    cosine, wc = (torch.tensor(part) for part in np.polynomial.legendre.leggauss(angles))
    a, b, c = torch.meshgrid(r, r, cosine, indexing="ij")
    x = torch.zeros(*a.shape, 2, 3)
    x[..., 0, 0], x[..., 1, 0], x[..., 1, 1] = a, b * c, b * (1 - c**2).sqrt()
    weights = (w * r**2)[:, None, None] * (w * r**2)[None, :, None] * wc
    return x.flatten(0, 2), weights.flatten()


def scrambled(model):
    with torch.no_grad():
        model.net.spin_out *= 100
        model.net.out *= 3
        model.net.tail.shape[0] += 1.5
    return model


@pytest.mark.parametrize("hamiltonian", ["lo_pionless", "model_o"])
def test_gradient_is_that_of_the_energy_by_quadrature(hamiltonian):
    """2 <sum_c O_c e_c> along a direction against differences of <H>, all by quadrature over the triangle."""
    arguments = {"cutoff": 2.0} if hamiltonian == "lo_pionless" else {"three_body": False}
    model = scrambled(NuclearCorrelator(LightNucleus("3H", hamiltonian, **arguments), width=4, layers=1))
    x, weights = grid()

    def parts():
        direction, _, laplacian = model.component_derivatives(x)
        image = sum(model.system.images(direction, laplacian, x).values())
        density = weights * (2 * model.log_psi(x)[1].detach()).exp()
        return direction, image, density / density.sum()

    def energy():
        direction, image, density = parts()
        return float((density * (direction * image).sum(-1)).sum())

    direction, image, density = parts()
    jacobian = by_vmap(model.net, component_values, x)
    mean = torch.einsum("b,bc,bcp->p", density, direction, jacobian)
    rows = jacobian - direction.unsqueeze(-1) * mean
    residuals = image - energy() * direction
    gradient = 2 * torch.einsum("b,bc,bcp->p", density, residuals, rows)
    along = torch.randn_like(gradient)
    along = along / along.norm() + gradient / gradient.norm()
    start, step, sides = parameters_to_vector(model.net.parameters()).detach(), 1e-4, []
    for sign in (1, -1):
        vector_to_parameters(start + sign * step * along, model.net.parameters())
        sides.append(energy())
    assert (sides[0] - sides[1]) / (2 * step) == pytest.approx(float(gradient @ along), rel=1e-5)
    # the gradient of a scalar psi is another number
    local = (direction * image).sum(-1) - (density * (direction * image).sum(-1)).sum()
    scalar = 2 * torch.einsum("b,b,bc,bcp->p", density, local, direction, jacobian)
    assert abs(float((scalar - gradient) @ along)) > 1e-3 * abs(float(gradient @ along))


def test_rows_of_the_model_are_finished():
    model = scrambled(NuclearCorrelator(LightNucleus("4He", "model_o"), width=4, layers=1))
    x = model.system.initial(7)
    measured = local_energies(model, x, model.clip)
    rows, residuals = model.objective.rows(model, x, measured)
    components = model.system.basis.components
    direction, _, laplacian = model.component_derivatives(x)
    image = sum(model.system.images(direction, laplacian, x).values()) / 20
    expected = component_rows(by_vmap(model.net, component_values, x), direction, image, 5.0)
    torch.testing.assert_close(rows, expected[0])
    torch.testing.assert_close(residuals, expected[1])
    assert rows.shape[0] == 7 * components
    torch.testing.assert_close(20 * (direction * image).sum(-1), measured.terms["total"])


def test_without_spin_operators_all_is_the_antisymmetric_state():
    """u_ij = 0: the local potential energies are those of Phi, and both bases give one energy."""
    model = NuclearCorrelator(LightNucleus("4He", "model_o"))
    with torch.no_grad():
        model.net.spin_out.zero_()
    x = model.system.initial(5)
    found, expected = model.local_energy(x), model.system.terms(x)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value)


@pytest.mark.parametrize("kind", [NuclearCorrelator, JastrowCorrelator])
@pytest.mark.parametrize("nuclide", ["2H", "3H", "4He"])
def test_forward_laplacian_agrees_with_autograd_at_the_start(kind, nuclide):
    model = kind(LightNucleus(nuclide))
    model.rule.check(model.system.initial(4))


def test_radii_and_virial():
    model = scrambled(NuclearCorrelator(LightNucleus("3He", "model_o"), width=4, layers=1))
    x = model.system.initial(6)
    radii = next(o for o in model.system.observables() if isinstance(o, NuclearRadii))
    found = radii.measure(At(model, x))
    torch.testing.assert_close(found["square_radius"], model.system.space.square_distances(x).sum(-1) / 9)
    frozen = JastrowCorrelator(model.system)  # without correlations of spins every nucleon is alike a proton
    same = radii.measure(At(frozen, x))
    torch.testing.assert_close(same["square_proton_radius"], same["square_radius"])
    assert (found["square_proton_radius"] - found["square_radius"]).abs().max() > 1e-3
    # the change of V as all lengths grow
    direction, step, sides = model.log_psi(x)[0].detach(), 1e-5, []
    for scale in (1 + step, 1 - step):
        images = model.system.images(direction, 0 * direction, x * scale)
        sides.append((direction * sum(v for k, v in images.items() if k != "kinetic")).sum(-1))
    torch.testing.assert_close(found["dilation"], (sides[0] - sides[1]) / (2 * step), rtol=1e-7, atol=1e-7)


def test_two_nucleons_learn_their_exact_state():
    """A short training, by the steps of Lightning: energy, radius and pair density beside the exact ones."""
    from lightning import Trainer

    nucleus = LightNucleus("2H", cutoff=2.0)
    model = NuclearCorrelator(nucleus, width=8, layers=1, sampler=Metropolis(walkers=128), steps_per_epoch=40)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "accelerator": "cpu"}
    Trainer(max_epochs=2, enable_model_summary=False, **quiet).fit(model)
    result = model.evaluate(Evaluation(samples=30_000, batch=500))
    energy, exact = result.estimates["energy"], nucleus.exact()
    assert energy.value == pytest.approx(exact.energy, abs=0.03 + 4 * energy.error)
    assert energy.value > exact.energy - 4 * energy.error
    assert result.reference.label == "exact" and result.alarm() is None
    radius = result.estimates["rms_radius"]
    assert radius.value == pytest.approx(exact.radius, abs=0.15 + 4 * radius.error)
    assert result.estimates["charge_radius"].value ** 2 == pytest.approx(
        result.estimates["proton_radius"].value ** 2 + 0.770 - 0.116 + 0.033
    )
    density = next(o for o in model.measurements.observables if isinstance(o, PairDensity))
    arrays = {k: v.numpy() for k, v in density.histograms(model.evaluated).items()}
    assert (arrays["pair_density"] * np.diff(arrays["pair_edges"])).sum() == pytest.approx(1)
    assert set(density.figures(arrays, model.evaluated, "2H")) == {"pair_density"}


@pytest.mark.parametrize("nuclide", ["2H", "3H"])
def test_diffusion_is_refused(nuclide):
    with pytest.raises(InputError, match="dmc: components of psi must be none"):
        check_guide(NuclearCorrelator(LightNucleus(nuclide)), LightNucleus(nuclide))


def test_refusals():
    with pytest.raises(InputError, match="space of system must be Relative for NuclearCorrelator, got 'Free'"):
        NuclearCorrelator(QuantumDot(2))
    with pytest.raises(InputError, match="optimizer must be one of spring, sr, minsr, got"):
        NuclearCorrelator(LightNucleus(), optimizer="adam")
    with pytest.raises(InputError, match="reach must be"):
        JastrowCorrelator(LightNucleus(), reach=math.nan)
    with pytest.raises(InputError, match="wavefunction must be one with spin-isospin components"):
        LightNucleus().local_energy(object(), LightNucleus().initial(2))
