"""Entries are compared with the references of today; what was measured stays."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from physgen.runs.result import Result, reference_for
from physgen.systems import Reference, System
from physgen.zoo.refresh import refresh, same

ROOT = Path(__file__).resolve().parents[2] / "checkpoints"
NAME = "classical-dot-n20-beta10/autoregressive-mc"


def test_shipped_entries_stand_beside_the_references_of_today():
    for path in ROOT.glob("*/*/result.json"):
        result = Result.read(path)
        system = System.of(result.provenance["recipe"]["init_args"]["system"])
        known = reference_for(system.references(), result.quantity)
        assert same(result.reference, known) or same(result.reference, replace(known, exact=False))
        if "kl" in result.estimates:
            free = reference_for(system.references(), "free_energy").value
            kl = system.beta * (result.estimates["free_energy"].value - free)
            assert result.estimates["kl"].value == pytest.approx(kl, abs=1e-9)


def test_references_are_the_same_but_for_rounding():
    known = Reference("energy", 3.730120954343015, 0.0, "exact", "a source", True)
    assert same(known, replace(known, value=3.7301209543560243))
    assert not same(known, replace(known, value=3.730121))
    assert not same(known, replace(known, exact=False)) and not same(known, replace(known, source="another"))


def test_an_entry_with_an_old_reference_is_brought_up_to_date(tmp_path):
    folder = tmp_path / NAME
    shutil.copytree(ROOT / NAME, folder)
    held = Result.read(folder / "result.json")
    old = replace(held.reference, value=held.reference.value + 0.001)
    diagnostics = {k: v - (0.01 if k.startswith("kl_") else 0) for k, v in held.diagnostics.items()}
    replace(held, reference=old, diagnostics=diagnostics).write(folder / "result.json")
    card = (folder / "card.md").read_text()
    (folder / "card.md").write_text("old")
    assert refresh(tmp_path) == [NAME] and refresh(tmp_path) == []
    found = Result.read(folder / "result.json")
    assert found.reference == held.reference and found.estimates == held.estimates
    assert found.diagnostics == pytest.approx(held.diagnostics) and (folder / "card.md").read_text() == card
    assert "Monte Carlo" in card and "0.204(2)" in card and "exact F" not in card


def test_cards_show_no_term_of_a_worse_method():
    card = (ROOT / "quantum-dot-2d-n6-omega1" / "neural-backflow" / "card.md").read_text()
    assert "| kinetic |" in card and "VMC (RBM)" not in card
