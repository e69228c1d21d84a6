"""Figures: units and errors on their axes, curves above the reference, and other formats where asked for."""

import matplotlib.image
import numpy as np
import pytest

from physgen.callbacks.figures import training_figure
from physgen.cli import main
from physgen.figures.structure import density_map, known_part, pair_distribution, radial_density, smoothed
from physgen.figures.style import DPI, captioned, drawing, of_energy, of_length, save
from physgen.figures.training import running, training_curve
from physgen.models import SlaterJastrow
from physgen.systems import LightNucleus, QuantumDot


def labels(figure):
    axes = figure.axes[0]
    return axes.get_xlabel(), axes.get_ylabel()


def test_axes_have_the_units_of_the_system():
    assert (QuantumDot().length_unit, LightNucleus().energy_unit) == ("$a_B^*$", "MeV")
    assert of_length("$r$") == "$r$" and of_energy("$E$") == "$E$"
    edges = np.linspace(0, 3, 4)
    arrays = {"radius_edges": edges, "radial_density": np.array([3.0, 2, 1]), "radial_density_error": np.full(3, 0.1),
              "shell_edges": np.array([1.5]), "shell_occupation": np.array([[0, 0.5, 0.5], [0.5, 0.5, 0]])}  # fmt: skip
    with drawing("fm", "MeV"):
        assert of_energy("$E$") == "$E$ / MeV" and of_length("$n$", -3) == "$n$ / fm$^{-3}$"
        figure = radial_density(arrays, "title", 3)
    assert labels(figure) == ("distance from the centre $r$ / fm", "$n(r)$, particles per volume / fm$^{-3}$")
    assert "shells of 1.50, 0.50 particles" in figure.get_supxlabel().replace("\n", " ")
    assert of_length("$r$") == "$r$"  # outside nothing is left of it


def test_a_pair_distribution_ends_where_it_is_not_known():
    g, error = np.array([0.2, 0.8, 1.0, 1.1, 0.0]), np.array([0.01, 0.01, 0.02, 0.9, 0.0])
    arrays = {"distance_edges": np.arange(6.0), "g_of_r": g, "g_of_r_error": error}
    assert known_part(arrays, "g_of_r")["distance_edges"].tolist() == [0, 1, 2, 3]
    figure = pair_distribution(arrays, "title")
    assert figure.axes[0].get_xlim() == (0, 3)
    same = {**arrays, "g_antiparallel": g, "g_antiparallel_error": error}
    (text,) = pair_distribution(same, "title").axes[0].get_legend().get_texts()
    assert text.get_text() == "opposite spins"  # of two electrons both are the same


def test_a_map_keeps_its_number_of_particles():
    counts = np.zeros((8, 8))
    counts[4, 4] = 16.0
    found = smoothed(counts)
    assert found.sum() == pytest.approx(16) and found[4, 4] == 4 and found[3, 3] == 1
    figure = density_map(np.random.default_rng(0).normal(size=(200, 2, 2)), "title")
    assert figure.axes[1].get_ylabel() == "$n$, particles per area"


def test_running_means_have_the_error_of_their_window():
    rng = np.random.default_rng(1)
    values = 5 + rng.normal(size=2500)
    middles, means, errors = running(np.arange(2500.0), values)
    assert middles[0] == 49.5 and len(means) == 2401
    assert abs(means - 5).max() < 5 * 0.1 and errors.mean() == pytest.approx(0.1, rel=0.1)
    few = running(np.arange(4.0), values[:4])
    assert few[1].tolist() == values[:4].tolist() and np.isnan(few[2]).all()


def test_a_training_is_drawn_above_its_reference_on_a_logarithmic_axis():
    steps = np.arange(10.0, 1010, 10)
    values = 3 + 0.5 * np.exp(-steps / 80) + 1e-3 * np.random.default_rng(0).normal(size=100)
    figure = training_curve(steps, values, "E", "title", ("exact 3", 3.0, 0.0), (3.0004, 0.0002))
    axes = figure.axes[0]
    low, high = axes.get_ylim()
    assert axes.get_yscale() == "log" and low < 3e-4 and high > values.max() - 3  # the fall and the end are both seen
    assert labels(figure) == ("iteration", r"$E - E_{\mathrm{ref}}$")
    assert "evaluated, exact 3 + 0.0004" in [t.get_text() for t in axes.get_legend().get_texts()]
    below = training_curve(steps, values, "E", "title", ("DMC 3.1", 3.1, 0.01), (3.0004, 0.0002))
    assert "Evaluated: DMC 3.1 - 0.1 +- 0.0002" in below.get_supxlabel().replace("\n", " ")
    alone = training_curve(steps, values, "E", "title", None, (3.0004, 0.0002)).axes[0]
    assert alone.get_yscale() == "linear" and alone.get_ylim()[0] < 3.0004 < alone.get_ylim()[1]
    assert training_figure(SlaterJastrow(QuantumDot(n=2)), pytest.importorskip("pathlib").Path("nowhere")) is None


def test_figures_are_fine_and_in_the_formats_that_were_asked_for(tiny, tmp_path, refused):
    main(tiny("GaussianBinaryRBM", tmp_path / "run", "--figures true --figure_format pdf"))
    for name in ("training_curve", "radial_density", "g_of_r", "density_map"):
        image = matplotlib.image.imread(tmp_path / "run" / f"{name}.png")
        assert min(image.shape[:2]) >= 4 * DPI
        assert (tmp_path / "run" / f"{name}.pdf").read_bytes().startswith(b"%PDF")
    refused(tiny("MLPFlow", tmp_path / "b", "--figure_format svg"), "figure_format has no effect without figures")


def test_a_caption_stands_below(tmp_path):
    from matplotlib.figure import Figure

    figure = captioned(Figure(layout="constrained"), "What it shows " * 20)
    assert figure.get_supxlabel().count("\n") >= 2
    assert save(figure, tmp_path, "x", ("svg",)) == tmp_path / "x.png" and (tmp_path / "x.svg").is_file()


def test_curves_of_bounds_below_the_reference_are_seen():
    from physgen.zoo.compare import compare
    from physgen.zoo.compare_figures import base_of, curves
    from physgen.zoo.open_run import open_run

    names = ("quantum-dot-2d-n6-omega1/neural-backflow", "quantum-dot-2d-n6-omega1/slater-jastrow")
    both = compare([open_run(name) for name in names])
    lowest = both.rows[0].value
    assert lowest.value < both.reference.value and base_of(both) == lowest.value - lowest.error
    axes = curves(both, "steps", "iteration").axes[0]
    line = next(one for one in axes.get_lines() if one.get_label().startswith("DMC"))
    assert line.get_ydata()[0] == pytest.approx(both.reference.value - base_of(both))
    alone = compare([open_run(names[1])])
    assert base_of(alone) == alone.reference.value
