"""What every registered system promises."""

import json
import math
import pickle

import pytest
import torch

from physgen.core.errors import InputError
from physgen.spaces import PeriodicBox, Space
from physgen.spaces.relative import Relative
from physgen.systems import (
    ClassicalDot,
    ClassicalSystem,
    Deuteron,
    DoubleWellCluster,
    ElectronGas,
    FermiGas,
    Ising2D,
    LennardJonesCluster,
    LightNucleus,
    NeutronMatter,
    QuantumDot,
    QuantumSystem,
    QuarticWell,
    ScalarPhi4,
    SpinGlass,
    System,
    TautDensity,
    ThermalQuantumDot,
)

#: constructors beside the defaults of every registered class
MORE = [
    lambda: QuantumDot(1),
    lambda: QuantumDot(3, dim=3, omega=0.28),
    lambda: QuantumDot(2, n_up=2),
    lambda: QuantumDot(4, n_up=4, coupling=0),
    lambda: QuantumDot(6, omega=0.1, coupling=0.5),
    lambda: ClassicalDot(1),
    lambda: ClassicalDot(2, dim=3, beta=1.5, coupling=2),
    lambda: ClassicalDot(6, coupling=0),
    lambda: QuarticWell(beta=3),
    lambda: TautDensity(dim=3, degree=2),
    lambda: Ising2D(3, beta=1, boundary="open"),
    lambda: SpinGlass(4, beta=0.5, boundary="open", law="signs", seed=1),
    lambda: LightNucleus("2H", cutoff=6.0),
    lambda: LightNucleus("4He", "model_o", r3=1.1),
    lambda: LightNucleus("3He", "model_o", three_body=False, coulomb=False),
    lambda: Deuteron(points=32),
    lambda: ElectronGas(2, r_s=5.0),
    lambda: ElectronGas(7, r_s=0.5, polarised=True),
    lambda: NeutronMatter(2, 0.01, "cubic"),
    lambda: NeutronMatter(14, 0.08, "sphere"),
    lambda: FermiGas(14, 0.2, -0.5),
    lambda: FermiGas(2, 0.1, 1.0),
    lambda: DoubleWellCluster(3),
    lambda: LennardJonesCluster(2),
    lambda: LennardJonesCluster(55, pair_factor=1.0),
    lambda: ThermalQuantumDot(3, omega=0.28, beta=5.0, species="polarised"),
    lambda: ThermalQuantumDot(1, coupling=0, species="bosons"),
    lambda: ScalarPhi4(2),
    lambda: ScalarPhi4(5, mass2=1.0, coupling=0.0),
]


def systems():
    own = [kind for kind in System.registry.values() if kind.__module__.startswith("physgen.")]
    return [kind() for kind in own] + [make() for make in MORE]


def test_shapes_are_those_that_the_bases_name(system, shaped):
    x = shaped(System, system, "initial", 3, torch.Generator().manual_seed(1))
    shaped(Space, system.space, "wrap", x)
    shaped(Space, system.space, "averages", x)
    shaped(System, system, "terms", x)
    if isinstance(system, ClassicalSystem):
        shaped(ClassicalSystem, system, "energy", x)
    elif isinstance(system, QuantumSystem):
        shaped(QuantumSystem, system, "potential", x)
    if system.space.continuous and x.shape[1:] == (system.n, system.dim):
        shaped(Space, system.space, "displacements", x)
        shaped(Space, system.space, "distances", x)


@pytest.fixture(params=systems(), ids=lambda system: system.label)
def system(request):
    return request.param


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(7)


def draw(system, generator, num=8, dtype=torch.float64):
    return system.initial(num, generator, dtype=dtype)


def test_initial_has_the_shape_the_type_and_distinct_particles(system, generator):
    x = draw(system, generator, 50)
    assert x.shape == (50, *system.shape) and x.dtype == torch.float64
    system.space.check(x)
    if system.continuous:
        rows = x.reshape(-1, x.shape[-1])
        assert len(rows.unique(dim=0)) == len(rows)
    assert system.initial(2).dtype == torch.get_default_dtype()
    again = draw(system, torch.Generator().manual_seed(7), 50)
    assert torch.equal(x, again)


def particles(system, x):
    """Return what of configurations moves: without the labels of a family."""
    return x[:, : x.shape[1] - system.space.still]


def test_initial_is_as_wide_as_the_spread(system, generator):
    if not system.continuous:
        pytest.skip("values of sites are what they are")
    x = particles(system, draw(system, generator, 4000))
    assert x.std().item() == pytest.approx(system.spread, rel=0.05)


@pytest.mark.parametrize("num", [-1, 1.5, True])
def test_initial_refuses_bad_numbers(num):
    with pytest.raises(InputError, match="num must be"):
        systems()[0].initial(num)


def test_terms_are_finite_and_add_up(system, generator):
    x = draw(system, generator)
    terms = system.terms(x)
    assert all(v.shape == (8,) and v.dtype == torch.float64 and v.isfinite().all() for v in terms.values())
    total = {"energy": system.energy(x)} if isinstance(system, ClassicalSystem) else {}
    total |= {"potential": system.potential(x)} if isinstance(system, QuantumSystem) else {}
    for value in total.values():
        torch.testing.assert_close(value, torch.stack(list(terms.values())).sum(0))


def test_terms_take_single_precision_and_more_batch_dimensions(system, generator):
    x = draw(system, generator, 6)
    for name, value in system.terms(x.reshape(2, 3, *system.shape)).items():
        torch.testing.assert_close(value.flatten(), system.terms(x)[name])
    for name, value in system.terms(x.float()).items():
        assert value.dtype == torch.float32
        torch.testing.assert_close(value.double(), system.terms(x)[name], rtol=1e-4, atol=1e-4)


def test_terms_under_vmap_and_second_derivatives(system, generator):
    x = draw(system, generator)
    for name, value in torch.vmap(system.terms)(x).items():
        torch.testing.assert_close(value, system.terms(x)[name])
    hessian = torch.func.vmap(torch.func.hessian(lambda y: sum(system.terms(y).values())))(x)
    assert hessian.isfinite().all()
    system.terms(x)  # nothing that the transform wrapped may be left behind


def test_symmetries(system, generator):
    drawn = draw(system, generator)
    x, labels = particles(system, drawn), drawn[:, drawn.shape[1] - system.space.still :]
    images = []
    if "permutation" in system.symmetries:
        order = torch.randperm(system.n, generator=generator)
        relative = isinstance(system.space, Relative)
        images.append(system.space.vectors @ system.space.positions(x)[:, order] if relative else x[:, order])
    if "rotation" in system.symmetries:
        turn = torch.linalg.qr(torch.randn(system.dim, system.dim, generator=generator, dtype=x.dtype))[0]
        turn[:, 0] *= torch.linalg.det(turn).sign()
        images.append(x @ turn.T)
    if "reflection" in system.symmetries:
        images.append(x * torch.tensor([-1.0] + [1.0] * (system.dim - 1), dtype=x.dtype))
    if "C4v" in system.symmetries:
        images += [x @ g.T for g in system.group(x.dtype)]
    if "spin flip" in system.symmetries:
        images.append(-x)
    if "square" in system.symmetries:
        images += [x.rot90(1, (1, 2)), x.mT]
    if "translation" in system.symmetries and isinstance(system.space, PeriodicBox):
        moved = x + system.side * torch.tensor([0.3, 1.7, -0.4], dtype=x.dtype)
        images += [moved, system.space.wrap(moved)]
    elif "translation" in system.symmetries:
        images += [x.roll(1, 1), x.roll(3, 2)]
    known = {"permutation", "rotation", "reflection", "C4v", "spin flip", "square", "translation"}
    assert bool(images) == bool(system.symmetries) and set(system.symmetries) <= known
    for image in images:
        for name, value in system.terms(torch.cat([image, labels], 1)).items():
            torch.testing.assert_close(value, system.terms(drawn)[name])


def test_spec_round_trip_of_plain_values(system):
    spec = system.spec()
    again = System.of(json.loads(json.dumps(spec)))
    assert again == system and hash(again) == hash(system) and again.label == system.label
    assert pickle.loads(pickle.dumps(system)) == system
    values = [v for value in spec["init_args"].values() for v in (value if isinstance(value, list) else [value])]
    assert all(type(v) in (int, float, str, bool, type(None)) for v in values)
    assert System.of(type(system).__name__) == type(system)()


def test_labels_are_unique():
    labels = [system.label for system in systems()]
    assert len(set(labels)) == len(labels)


def test_references_are_well_formed(system):
    for r in system.references():
        assert math.isfinite(r.value) and math.isfinite(r.error) and r.error >= 0
        assert r.quantity and r.method and r.source and isinstance(r.exact, bool)
        assert "/work" not in r.source
    energies = [r for r in system.references() if r.quantity == "energy"]
    assert not any(r.exact for r in energies[1:])


def test_exact_terms_add_up_to_the_exact_energy(system):
    exact = {r.quantity: r.value for r in system.references() if r.exact}
    names = ["kinetic"] * isinstance(system, QuantumSystem) + list(system.terms(system.initial(1)))
    if isinstance(system, ClassicalSystem | QuantumSystem) and set(names) <= set(exact):
        assert sum(exact[name] for name in names) == pytest.approx(exact["energy"], abs=1e-9)


def test_units_are_positive(system):
    assert system.length > 0 and system.spread > 0
    assert not isinstance(system, QuantumSystem) or system.energy_scale > 0


@pytest.mark.parametrize("name", ["QuantumDott", "quantum_dot.Quantumdot"])
def test_unknown_names_suggest_near_ones(name):
    with pytest.raises(InputError, match="did you mean QuantumDot"):
        System.of(name)


def test_unknown_arguments_are_refused():
    with pytest.raises(InputError, match="omgea"):
        System.of({"class_path": "QuantumDot", "init_args": {"omgea": 1.0}})
