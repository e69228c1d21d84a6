"""Densities and pair distributions as arrays with errors, against the free oscillator; the bar of an evaluation."""

import io
import math

import numpy as np
import pytest
import torch
from rich.console import Console

from physgen.core.errors import InputError
from physgen.models import AutoregressiveLattice, SlaterJastrow
from physgen.models import shown_evaluation as bars
from physgen.observables.profile import profile
from physgen.systems import Ising2D, QuantumDot


@pytest.fixture(scope="module")
def free():
    """Six electrons without repulsion, in the filled shells of the oscillator."""
    torch.manual_seed(0)
    model = SlaterJastrow(QuantumDot(n=6, coupling=0.0))
    model.observe(samples=4_000, seed=3, batch=400, warm_up=60)
    return model


def test_the_density_is_that_of_filled_shells(free):
    r, value, error, edges = free.density()
    assert len(r) == len(value) == len(error) == len(edges) - 1
    a, b = np.exp(-(edges[:-1] ** 2)), np.exp(-(edges[1:] ** 2))
    # n(r) = 2 (1 + 2 r^2) e^{-r^2}/pi, integrated over a bin
    inside = 2 * (3 * (a - b) + 2 * (edges[:-1] ** 2 * a - edges[1:] ** 2 * b))
    area = math.pi * np.diff(edges**2)
    known = ~np.isnan(error) & (inside > 0.01)
    pull = (value - inside / area)[known] / error[known]
    assert known.sum() > 30 and abs(pull).max() < 5 and 0.5 < (pull**2).mean() < 1.6
    assert (value * area).sum() == pytest.approx(6, rel=1e-9)
    assert np.isnan(error[value == 0]).all()


def test_spins_make_up_the_density_and_opposite_ones_know_nothing_of_each_other(free):
    up, down, both = free.density(spin="up"), free.density(spin="down"), free.density()
    np.testing.assert_allclose(up.value + down.value, both.value, rtol=1e-12)
    r, g, error, _ = free.pair_distribution(spins="antiparallel")
    near = (r > 0.5) & (r < 2.5)
    pull = (g - 1)[near] / error[near]
    assert abs(pull).max() < 4 and (pull**2).mean() < 1.8
    hole = free.pair_distribution(spins="parallel")
    assert hole.value[(hole.r > 0.1) & (hole.r < 0.4)].max() < 0.3  # Pauli


def test_fresh_draws_where_they_are_asked_for(free):
    before = free.evaluated
    again = free.pair_distribution(samples=1000, seed=5, batch=100, warm_up=20)
    assert free.evaluated is not before and free.evaluated.shape[:2] == (10, 100)
    same = free.pair_distribution()
    np.testing.assert_array_equal(again.value, same.value)
    free.evaluated = before


def test_what_a_system_does_not_have_is_refused(free):
    with pytest.raises(InputError, match="spin must be one of up, down, got 'left'"):
        free.density(spin="left")
    lattice = AutoregressiveLattice(Ising2D(size=2))
    with pytest.raises(InputError, match="radial_density is not known of ising-2d-l2-beta0.44, Lattice"):
        lattice.density(samples=100)


def test_bins_that_nothing_reached_have_no_error():
    made = profile({"h": np.array([1.0, 0.0]), "h_error": np.array([0.0, 0.0]), "e": np.array([0, 1, 2.0])}, "h", "e")
    assert made.error[0] == 0 and np.isnan(made.error[1]) and made.r.tolist() == [0.5, 1.5]


def test_the_bar_is_seen_where_it_is_asked_for(free, monkeypatch):
    texts = {}
    for shown in (True, False, None):
        out = io.StringIO()
        monkeypatch.setattr(bars, "Console", lambda stderr, out=out: Console(file=out, force_terminal=True, width=80))
        free.observe(samples=200, batch=100, warm_up=10, progress=shown)
        texts[shown] = out.getvalue()
    assert "batches measured" in texts[True] and "2/2" in texts[True]
    assert texts[False] == "" and "batches measured" in texts[None]
