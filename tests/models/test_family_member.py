import logging
import math

import numpy as np
import pytest
import torch

from physgen.cli import main
from physgen.core.errors import InputError
from physgen.dmc.guide import check_guide
from physgen.models import FamilyMember, Model, NeuralBackflow, SlaterJastrow
from physgen.nn.derivatives import check_derivatives
from physgen.nn.stretch import stretch
from physgen.objectives.family_energy import GAUGE, FamilyEnergy, gauge, projected
from physgen.objectives.variational_energy import VariationalEnergy
from physgen.observables.energy_curve import EnergyCurve
from physgen.samplers import MALA, Metropolis
from physgen.spaces import Labelled
from physgen.stats import BlockedMean
from physgen.systems import QuantumDot, QuantumDots
from physgen.systems.two_electrons import two_electrons

SMALL = {"width": 8, "pair_width": 4, "determinants": 2}


@pytest.fixture
def family():
    """A family of six electrons whose layers all see the frequency."""
    torch.manual_seed(1)
    model = NeuralBackflow(QuantumDots(6), **SMALL).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


@pytest.fixture
def x(family):
    return family.system.initial(6, torch.Generator().manual_seed(2), torch.float64)


def test_walkers_are_spread_over_the_range(family, x):
    labels = family.system.space.labels(x)
    steps = labels.log().diff()
    assert labels.min() > 0.1 and labels.max() < 1 and torch.allclose(steps, steps[0].expand(5))


def test_lengths_are_those_of_the_members_clouds():
    system = QuantumDots(6)
    omegas = torch.tensor([0.1, 0.37, 1.0, 3.0], dtype=torch.float64)
    spreads = torch.tensor([QuantumDot(6, omega=float(omega)).spread for omega in omegas])
    assert torch.allclose(system.lengths(omegas) * system.width, spreads.double(), rtol=1e-6)
    ratio = torch.tensor([0.0, 1e-3, 1.0, 1e4], dtype=torch.float64)
    s = stretch(ratio)
    assert torch.allclose(s**4, ratio * s + 1, rtol=1e-12)


def test_derivatives_agree_with_autograd_at_every_frequency(family, x):
    check_derivatives(family.net, x, 1e-10)
    check_derivatives(family.at(0.37).net, x[:, :-1], 1e-10)


def test_exchange_of_like_electrons_turns_the_sign(family, x):
    swapped = x[:, [1, 0, *range(2, 7)]]
    (sign, log), (other, same) = family.log_psi(x), family.log_psi(swapped)
    assert torch.equal(sign, -other) and torch.allclose(log, same, atol=1e-12)
    assert torch.allclose(family.exchanged(x, 0, 1), torch.tensor(-1.0, dtype=torch.float64))


@pytest.mark.parametrize("omega", [0.1, 0.37, 1.0])
def test_a_member_is_the_family_at_its_frequency(family, omega):
    member = family.at(omega)
    assert isinstance(member, FamilyMember) and member.system == QuantumDot(6, omega=omega)
    y = member.system.initial(5, torch.Generator().manual_seed(3), torch.float64)
    length = family.system.lengths(torch.tensor(omega, dtype=torch.float64))
    walkers = family.system.space.labelled(y / length, omega)
    own, of_family = member.local_energy(y), family.local_energy(walkers)
    for term, values in own.items():
        assert torch.allclose(values, omega * of_family[term], rtol=1e-8, atol=1e-8), term
    ratio = member.log_psi(y)[1] - family.log_psi(walkers)[1]
    assert torch.allclose(ratio, ratio[0], atol=1e-10)
    gradient, _ = family.derivatives(walkers)
    by_gradient = family.system.kinetic_by_gradient(gradient, walkers)
    expected = member.system.kinetic_by_gradient(member.derivatives(y)[0], y)
    assert torch.allclose(omega * by_gradient, expected, rtol=1e-8)


def test_local_energies_stay_finite_where_electrons_meet(family):
    member = family.at(0.2)
    y = member.system.initial(4, torch.Generator().manual_seed(3), torch.float64)
    energies = []
    for apart in (1e-4, 1e-6):
        y[:, 3] = y[:, 0] + torch.tensor([apart, 0.0])
        energies.append(member.local_energy(y)["total"])
    assert torch.allclose(*energies, rtol=1e-2) and family.notes == []


def test_a_member_outlives_its_family(family, tmp_path, trainer):
    member = family.at(0.5).float()
    loop = trainer("32-true")
    member.steps_per_epoch = 2
    member.sampler.walkers = 8
    loop.fit(member)
    loop.save_checkpoint(tmp_path / "member.ckpt")
    again = Model.load_from_checkpoint(tmp_path / "member.ckpt")
    y = member.system.initial(3, torch.Generator().manual_seed(3), torch.float32)
    assert isinstance(again, FamilyMember) and torch.equal(again.log_psi(y)[1], member.log_psi(y)[1])


def test_no_sampler_moves_a_label(family, x):
    for kind in (Metropolis, MALA):
        sampler = kind(walkers=6, steps=4, warm_up_steps=8)
        sampler.start(x, torch.Generator().manual_seed(1), 0.1, (3, 3), family.system.space)
        sampler.warm_up(family.born)
        moved = sampler.sample(family.born)
        assert torch.equal(moved[:, -1], x[:, -1]) and not torch.allclose(moved[:, :-1], x[:, :-1])


def test_a_factor_of_the_label_changes_neither_rows_nor_residuals():
    labels = torch.logspace(-1, 0, 40, dtype=torch.float64)
    basis = gauge(labels)
    assert torch.allclose(basis.mT @ basis, torch.eye(GAUGE, dtype=torch.float64), atol=1e-12)
    torch.manual_seed(1)
    rows, smooth = torch.randn(40, 7, dtype=torch.float64), labels.log().pow(3)[:, None] * torch.randn(7).double()
    assert torch.allclose(projected(rows + smooth, basis), projected(rows, basis), atol=1e-12)
    one = gauge(torch.full((40,), 0.3))
    assert torch.allclose(projected(rows, one), rows - rows.mean(0), atol=1e-12)  # of a single system the mean


def test_the_step_of_one_label_is_that_of_a_single_system(family):
    x = family.system.initial(32, torch.Generator().manual_seed(2), torch.float64)
    x[:, -1] = 0.4
    of_family, single = FamilyEnergy(None), VariationalEnergy(None)
    rows, residuals = of_family.step(family, x).rows()
    expected, plain = single.step(family, x).rows()
    assert torch.allclose(rows, expected, atol=1e-10) and torch.allclose(residuals, plain, atol=1e-10)


def test_exact_mean_of_two_electrons():
    exact = QuantumDots(2, omega=(0.1, 1.0)).references()[0]
    nodes, weights = np.polynomial.legendre.leggauss(9)
    omegas = 10 ** (0.5 * (nodes - 1))
    mean = sum(w * two_electrons(o).energy / o for w, o in zip(weights, omegas, strict=True)) / 2
    assert exact.exact and exact.value == pytest.approx(mean, rel=1e-7)


def test_the_curve_is_found_in_noise_that_depends_on_the_label():
    space, off = Labelled(2, 2, 0.1, 1.0), []
    torch.manual_seed(1)
    for _ in range(40):
        x = space.initial(200, 1.0, None, torch.float64, torch.device("cpu"))
        labels = space.labels(x)
        curve, metric = EnergyCurve(space, [0.1, 0.37, 1.0]), BlockedMean()
        for _ in range(8):
            metric.update(3 + labels.log().square() + 0.02 * torch.randn(200).double() / labels)
        curve.measure(type("View", (), {"x": x}))
        found = type("Found", (), {"measured": {"energy": metric}, "estimates": {}, "diagnostics": {"tau": 1.0}})()
        curve.finish(found)
        for omega in (0.1, 0.37, 1.0):
            estimate = found.estimates[f"energy@{omega:g}"]
            off.append((estimate.value - omega * (3 + math.log(omega) ** 2)) / estimate.error)
        off.append((found.estimates["energy"].value - 3 - math.log(10) ** 2 / 3) / found.estimates["energy"].error)
        assert "tau" not in found.diagnostics
    pulls = torch.tensor(off).view(40, 4)
    assert (pulls.mean(0).abs() < 4 / 40**0.5).all() and (pulls.std(0) - 1).abs().max() < 0.45
    arrays = curve.histograms(x)
    assert set(curve.figures({k: v.numpy() for k, v in arrays.items()}, x, "")) == {"energy_curve"}


def test_slopes_of_the_curve_and_of_the_trap():
    """Of the exact N = 1, E = 2 w, and of polynomials of ln w, with errors that cover what is off."""
    space, off = Labelled(2, 2, 0.1, 1.0), []
    torch.manual_seed(2)
    points = torch.tensor([0.1, 0.2, 0.5, 1.0], dtype=torch.float64)
    for _ in range(40):
        x = space.initial(200, 1.0, None, torch.float64, torch.device("cpu"))
        logs = space.labels(x).log()
        curve, energy, trap = EnergyCurve(space, []), BlockedMean(), BlockedMean()
        for _ in range(4):
            energy.update(2 + logs**3 + 0.02 * torch.randn(200).double())
            trap.update(1 + logs + 0.1 * torch.randn(200).double())
        curve.measure(type("View", (), {"x": x}))
        measured = {"energy": energy, "trap": trap}
        curve.finish(type("Found", (), {"measured": measured, "estimates": {}, "diagnostics": {}})())
        (slope, error), (other, spread) = curve.slopes(points), curve.trap_slopes(points)
        exact = 2 + points.log() ** 3 + 3 * points.log() ** 2
        off.append(torch.cat([(slope - exact) / error, (other - 2 - 2 * points.log()) / spread]))
    pulls = torch.stack(off)
    assert (pulls.mean(0).abs() < 4 / 40**0.5).all() and (pulls.std(0) - 1).abs().max() < 0.45
    arrays = curve.histograms(x)
    assert float(arrays["slope_curve"][-1]) == pytest.approx(float(slope[-1]))
    assert set(curve.figures({k: v.numpy() for k, v in arrays.items()}, x, "")) == {"energy_curve", "slope_curves"}


def test_the_curve_is_that_of_all_ranks(monkeypatch):
    space = Labelled(2, 2, 0.1, 1.0)
    x = space.initial(200, 1.0, torch.Generator().manual_seed(1), torch.float64, torch.device("cpu"))
    torch.manual_seed(1)
    steps = [3 + torch.randn(200).double() for _ in range(4)]
    found = []
    for ranks in (1, 2):  # another rank with the same chains
        monkeypatch.setattr("physgen.observables.energy_curve.gather", lambda v, ranks=ranks: torch.cat([v] * ranks))
        curve, metric = EnergyCurve(space, [0.5]), BlockedMean()
        for values in steps:
            metric.update(values)
        curve.measure(type("View", (), {"x": x}))
        made = type("Found", (), {"measured": {"energy": metric}, "estimates": {}, "diagnostics": {}})()
        curve.finish(made)
        found.append((made.estimates["energy@0.5"], made.diagnostics["variance"]))
    (one, alone), (two, both) = found
    assert two.value == pytest.approx(one.value) and two.error == pytest.approx(one.error / 2**0.5, rel=0.05)
    assert both == pytest.approx(alone)


def test_two_electrons_learn_all_frequencies(trainer):
    torch.manual_seed(3)
    model = NeuralBackflow(QuantumDots(2), sampler=MALA(64), **SMALL, steps_per_epoch=60)
    trainer("32-true").fit(model)
    found = model.observe(samples=4000, batch=200, seed=1, warm_up=100)
    for omega in (0.1, 0.37, 1.0):
        exact, estimate = two_electrons(omega).energy, found[f"energy@{omega:g}"]
        assert -4 * estimate.error < estimate.value - exact < 0.01 * exact + 4 * estimate.error
    member = model.at(0.37).observe(samples=4000, batch=200, seed=2, warm_up=100)["energy"]
    both = math.hypot(member.error, found["energy@0.37"].error)
    assert abs(member.value - found["energy@0.37"].value) < 4 * both


def test_members_are_tested_from_the_command_line(family, tmp_path, trainer, capsys):
    loop = trainer("32-true")
    family.steps_per_epoch, family.sampler.walkers = 1, 8
    loop.fit(family.float())
    loop.save_checkpoint(tmp_path / "family.ckpt")
    short = "--evaluation.samples 40 --evaluation.batch 20 --evaluation.warm_up 4 --figures false".split()
    quiet = ["--trainer.enable_progress_bar", "false", "--trainer.accelerator", "cpu"]
    file, folder = str(tmp_path / "family.ckpt"), str(tmp_path / "run")
    main(["test", file, "--at", "omega=0.2,0.6", "--run_folder", folder, *short, *quiet])
    told = capsys.readouterr().out
    assert "quantum-dot-2d-n6-omega0.2" in told and "quantum-dot-2d-n6-omega0.6" in told
    diffuse = "--dmc --dmc.walkers 10 --dmc.time 20 --dmc.time_steps [0.3,0.35,0.4]".split()
    main(["test", file, "--at", "omega=0.4", "--run_folder", f"{folder}4", *short, *quiet, *diffuse])
    assert "energy_dmc" in capsys.readouterr().out


def test_refusals(family, caplog, capsys):
    for omega in (0.1, [0.1], [1.0, 0.1], [0.0, 1.0], [0.1, float("nan")], ["a", "b"]):
        with pytest.raises(InputError, match="omega"):
            QuantumDots(2, omega=omega)
    with pytest.raises(InputError, match="space of system"):
        SlaterJastrow(QuantumDots(6))
    with pytest.raises(InputError, match="spin_penalty"):
        NeuralBackflow(QuantumDots(6), spin_penalty=1.0)
    with pytest.raises(InputError, match="jastrow"):
        NeuralBackflow(QuantumDots(6), jastrow="spline")
    with pytest.raises(InputError, match="closed shells"):
        NeuralBackflow(QuantumDots(4))
    with pytest.raises(InputError, match="dmc: system"):
        check_guide(family, family.system)
    for omega in (-1.0, 0.0, float("nan"), "a"):
        with pytest.raises(InputError, match="omega"):
            family.at(omega)
    with pytest.raises(InputError, match="for `at`"):
        family.at(0.3).at(0.2)
    with pytest.raises(InputError, match="half of the electrons up"):
        FamilyMember(QuantumDot(6, n_up=6))
    with caplog.at_level(logging.WARNING, "physgen"):
        family.at(2.0)
    assert "outside" in caplog.text
    for words in ("0.3", "omega=", "beta=3", "omega=a"):
        with pytest.raises(SystemExit):
            main(["test", "x", "--at", words])
    with pytest.raises(SystemExit):
        main(["fit", "--at", "omega=0.3", "--trainer.accelerator", "cpu"])
    assert "at has no effect on fit" in capsys.readouterr().err
    x = family.system.initial(3, torch.Generator().manual_seed(1))
    x[1, -1] = -1
    with pytest.raises(InputError, match="labels"):
        family.system.space.check(x)
