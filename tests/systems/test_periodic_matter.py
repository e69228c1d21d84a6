"""Matter in a periodic cube: closed shells, plane waves without variance, and Hartree-Fock in closed form."""

import math

import pytest
import torch
from scipy.integrate import quad, solve_ivp

from physgen.core.errors import InputError
from physgen.dmc.guide import check_guide
from physgen.observables.spin import exchange_ratios
from physgen.samplers import MALA
from physgen.stats import BlockedMean
from physgen.systems import At, ElectronGas, FermiGas, NeutronMatter
from physgen.systems.fermi_gas import PoeschlTeller, poeschl_teller
from physgen.systems.neutron_matter import DEPTH, RANGE


@pytest.fixture(autouse=True)
def double(float64):
    pass


@pytest.mark.parametrize(
    ("system", "kinetic", "energy"),
    [
        (ElectronGas(14, 1.0), 1.120912868, 0.606534),
        (ElectronGas(14, 5.0), 0.044837, -0.058039),
        (ElectronGas(38, 0.5), 4.244657, 3.255572),
        (ElectronGas(54, 2.0), 0.265855, 0.018767),
        (ElectronGas(7, 1.0, polarised=True), None, 1.13126192),
        (ElectronGas(19, 5.0, polarised=True), None, -0.05723714),
        (ElectronGas(27, 100.0, polarised=True), None, -0.00605741),
        (NeutronMatter(14, 0.04), 14.12759, 6.80683),
        (NeutronMatter(14, 0.04, "cubic"), 14.12759, 6.915),
        (NeutronMatter(14, 0.04, "sphere"), 14.12759, 7.132),
        (NeutronMatter(14, 0.01), 5.60654, 3.44374),
        (NeutronMatter(38, 0.08), 21.23076, 7.8153),
        (FermiGas(14), 1.014446, None),
        (FermiGas(38), 0.960373, None),
        (FermiGas(66), 0.994976, None),
    ],
    ids=lambda value: getattr(value, "label", value),
)
def test_plane_waves_in_closed_form(system, kinetic, energy):
    def digits(value):
        return 0.5 * 10.0 ** -len(str(value).partition(".")[2])

    if kinetic is not None:
        assert system.free_kinetic / system.n == pytest.approx(kinetic, abs=1.01 * digits(kinetic))
    if energy is not None:
        assert system.hartree_fock / system.n == pytest.approx(energy, abs=1.01 * digits(energy))


@pytest.mark.parametrize("system", [ElectronGas(14), ElectronGas(7, 2.0, True), FermiGas(14), NeutronMatter(14)])
def test_the_free_gas_has_no_variance(system, plane_waves, by_autograd, generator):
    psi = plane_waves(system)
    x = system.initial(20, generator, torch.float64)
    gradient, laplacian = by_autograd(lambda y: psi.log_psi(y)[1], x[:2])
    found = psi.derivatives(x[:2])
    torch.testing.assert_close(found, (gradient, laplacian), rtol=1e-6, atol=1e-6)
    kinetic = system.local_kinetic(psi, x)
    torch.testing.assert_close(kinetic, torch.full_like(kinetic, system.free_kinetic), rtol=1e-8, atol=0)


@pytest.mark.parametrize(
    ("system", "most"),
    [
        (ElectronGas(14, 1.0), 0.004),
        (ElectronGas(14, 5.0), 0.0008),
        (ElectronGas(7, 1.0, True), 0.004),
        (NeutronMatter(14, 0.04), 0.05),
        (FermiGas(14), 0.02),
    ],
)
def test_hartree_fock_by_variational_monte_carlo(system, most, plane_waves, generator):
    psi, sampler = plane_waves(system), MALA(walkers=400)
    psi.walkers(sampler, generator)
    energy = BlockedMean()
    for _ in range(10):
        x = sampler.sample(psi.density, 4)
        energy.update(system.local_energy(psi, x)["total"])
    found = energy.compute()
    assert abs(float(found["mean"]) - system.hartree_fock) < 3 * float(found["error"]), system.label
    assert float(found["error"]) / system.n < most


def test_open_shells_are_refused_with_the_closed_ones():
    for make in (lambda: ElectronGas(8), lambda: NeutronMatter(20), lambda: FermiGas(7), lambda: FermiGas(15)):
        with pytest.raises(InputError, match="n must fill closed shells .* 2, 14, 38, 54, 66, got"):
            make()
    with pytest.raises(InputError, match="1, 7, 19, 27, .*got 14"):
        ElectronGas(14, polarised=True)
    with pytest.raises(InputError, match="n must be 2 at least"):
        ElectronGas(1)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ElectronGas(r_s=0), "r_s must be a finite number > 0, got 0"),
        (lambda: ElectronGas(r_s=-1.0), "r_s must be a finite number > 0, got -1.0"),
        (lambda: NeutronMatter(density=0.0), "density must be a finite number > 0.*got 0.0"),
        (lambda: NeutronMatter(images="cube"), "images must be one of all, cubic, sphere, got 'cube'; did you mean"),
        (lambda: FermiGas(kf_re=-0.4), "kf_re must be a finite number > 0"),
        (lambda: FermiGas(inverse_akf=1.5), r"inverse_akf must be 1/\(a k_F\) from -1 to 1, got 1.5"),
        (lambda: FermiGas(kf_re=0.5, inverse_akf=1.0), "kf_re must be less than 4/9 of a"),
    ],
)
def test_bad_arguments_are_one_line(make, said):
    with pytest.raises(InputError, match=said) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_published_energies_are_those_of_all_particles():
    best = next(r for r in ElectronGas(14, 1.0).references() if r.quantity == "energy")
    assert best.method == "Hartree-Fock + i-FCIQMC"
    assert best.value / 14 == pytest.approx(0.56856, abs=3e-5) and best.error == pytest.approx(4e-4)
    gas = next(r for r in FermiGas(14, 0.2, -0.5).references() if r.quantity == "energy")
    assert gas.value == pytest.approx(14 * 0.694) and "last 100 iterations" in gas.note
    for images in ("all", "cubic"):
        found = NeutronMatter(14, 0.04, images).references()
        assert not any(r.quantity == "energy" for r in found)
        assert found[0].quantity == "correlation_per_particle" and "convention not known" in found[0].note


def test_another_interaction_has_no_plane_waves_of_its_parent():
    class _Screened(ElectronGas):
        def terms(self, x):
            return {"coulomb": 0.5 * super().terms(x)["coulomb"]}

    class _Renamed(ElectronGas):
        pass

    assert _Screened(14).hartree_fock is None and _Screened(14).references() == []
    assert _Renamed(14).hartree_fock == ElectronGas(14).hartree_fock


# ---- neutrons


def summed(r, reach):
    """Images one by one, up to `reach` sides away."""
    shifts = torch.cartesian_prod(*[torch.arange(-reach, reach + 1.0)] * 3)
    return lambda side: (DEPTH * torch.exp(-((r + side * shifts) / RANGE).square().sum(-1))).sum()


def test_image_conventions_of_two_neutrons():
    side = NeutronMatter(2, 0.04).side
    x = torch.tensor([[[0.1, 0.2, 0.3], [0.75, 0.7, 0.4]]]) * side
    r = x[0, 0] - x[0, 1]
    everything, nearest = (NeutronMatter(2, 0.04, images).pair_potential(x).item() for images in ("all", "cubic"))
    assert everything == pytest.approx(summed(r, 3)(side).item(), rel=1e-10)
    moved = r + side * torch.tensor([1.0, 0.0, 0.0])
    moved[1] = 0.5 * side  # half a side away both images are nearest
    assert nearest == pytest.approx(DEPTH * math.exp(-float((moved / RANGE).square().sum())), rel=1e-9)
    assert NeutronMatter(2, 0.04, "sphere").pair_potential(x).item() == 0
    x[0, 1] = x[0, 0] + 0.1 * side
    values = [NeutronMatter(2, 0.04, images).pair_potential(x).item() for images in ("cubic", "sphere")]
    assert values[0] == values[1] == pytest.approx(DEPTH * math.exp(-0.03 * side**2 / RANGE**2))


def test_exchange_ratios_of_plane_waves_are_inverse_matrices(plane_waves, generator):
    """Row i of the one and row j of the other determinant are exchanged: both ratios are elements of matrices."""
    system = NeutronMatter(14)
    psi, x = plane_waves(system), system.initial(5, generator, torch.float64)
    up, down = (psi.waves(part) for part in psi.parts(x))
    exact = (down @ torch.linalg.inv(up)).mT * (up @ torch.linalg.inv(down))
    torch.testing.assert_close(exchange_ratios(psi.log_psi, x, (7, 7)), exact, rtol=1e-7, atol=1e-7)
    two_body = 0.5 * (system.pair_potential(x) * (1 + exact)).sum((1, 2))
    torch.testing.assert_close(system.local_energy(psi, x)["two_body"], two_body, rtol=1e-7, atol=1e-7)


def test_a_view_finds_exchange_ratios_once(plane_waves, generator):
    system, asked = NeutronMatter(14), []

    class Counting(plane_waves):
        def log_psi(self, x):
            asked.append(len(x))
            return super().log_psi(x)

    at = At(Counting(system), system.initial(3, generator, torch.float64))
    first = at.local_energy(at.x)
    before = len(asked)
    again = at.local_energy(at.x)
    assert before == len(asked) and torch.equal(first["two_body"], again["two_body"])
    other = at.x.clone()
    system.exchange_ratios(at, other)
    assert len(asked) > before and at.known("exchange_ratios") is system.exchange_ratios(at, at.x)


def test_diffusion_is_refused_for_neutrons_alone(plane_waves):
    with pytest.raises(InputError, match="dmc: interaction must be a function of positions, not one that exchanges"):
        check_guide(plane_waves(NeutronMatter()), NeutronMatter())
    for system in (ElectronGas(), FermiGas()):
        check_guide(plane_waves(system), system)


# ---- cold gases


@pytest.mark.parametrize("order", [1.3, 1.9, 2.0, 2.000001, 2.2, 2.9])
def test_scattering_length_and_effective_range_by_the_radial_equation(order):
    """u'' = -2 v0 u/cosh^2 r; u -> 1 - r/a far away, and r_e = 2 int (1 - r/a)^2 - u^2."""
    well, far = PoeschlTeller(order), 22.0

    def slope(r, y):
        u, v, inside = y
        return [v, -2 * well.depth / math.cosh(r) ** 2 * u, u * u]

    u, v, inside = solve_ivp(slope, (0, far), [0, 1, 0], rtol=1e-12, atol=1e-13, method="DOP853").y[:, -1]
    at_zero = u - v * far
    assert well.inverse_length == pytest.approx(-v / at_zero, abs=1e-9)
    outside = quad(lambda r: (1 - r * well.inverse_length) ** 2, 0, far)[0]
    assert well.effective_range == pytest.approx(2 * (outside - inside / at_zero**2), rel=1e-7)


@pytest.mark.parametrize(("kf_re", "inverse_akf"), [(0.4, 0.0), (0.2, -1.0), (0.2, 0.5), (0.44, 1.0), (3.0, -1.0)])
def test_the_gas_has_its_range_and_length(kf_re, inverse_akf):
    gas = FermiGas(14, kf_re, inverse_akf)
    well = poeschl_teller(kf_re * inverse_akf)
    assert gas.fermi_momentum == pytest.approx(math.sqrt(10 / 3)) and well.depth == gas.v0
    assert well.effective_range / gas.mu * gas.fermi_momentum == pytest.approx(kf_re, rel=1e-9)
    assert well.inverse_length * gas.mu / gas.fermi_momentum == pytest.approx(inverse_akf, abs=1e-9)
    if not inverse_akf:
        assert gas.v0 == 1 and gas.mu == pytest.approx(2 * gas.fermi_momentum / kf_re)


def test_the_attraction_of_opposite_spins():
    gas = FermiGas(14, 0.4)
    x = gas.side * torch.rand(1, 14, 3, generator=torch.Generator().manual_seed(2))
    total = 0.0
    for i in range(7):
        for j in range(7, 14):
            r = gas.space.distances(x)[0, i, j].item()
            total -= 2 * gas.v0 * gas.mu**2 / math.cosh(gas.mu * r) ** 2
    assert gas.terms(x)["two_body"].item() == pytest.approx(total)
    assert gas.well_momentum == pytest.approx(gas.mu)
