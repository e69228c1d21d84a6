import json
import math

import pytest

from physgen.core.errors import InputError
from physgen.core.quantity import LOG_LIKELIHOOD, Quantity
from physgen.runs.result import Estimate, Result, reference_for, reweighted_alarms
from physgen.systems import QuantumDot, Reference
from physgen.zoo.index import entries

EXACT = Reference("energy", 3.0, 0.0, "exact", "a source with \u03c8", True)


def result(value=3.01, error=0.002, reference=EXACT, **fields):
    estimates = {"energy": Estimate(value, error), "trap": Estimate(1.3, 0.01)}
    return Result("energy", estimates, reference=reference, **fields)


def equal(a, b):
    """Equality of nested plain values in which NaN equals NaN."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    return a == b or (isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b))


@pytest.mark.parametrize("reference", [EXACT, None])
def test_round_trip(reference, tmp_path):
    before = result(
        reference=reference,
        diagnostics={"rhat": 1.001, "ess": 0.5},
        notes=["psi has no cusp", "\u03b2 F"],
        provenance={"model": "GaussianBinaryRBM", "recipe": {"init_args": {"hidden": 2, "clip": None}}},
    )
    before.write(tmp_path / "result.json")
    assert Result.read(tmp_path / "result.json") == before
    assert [p.name for p in tmp_path.iterdir()] == ["result.json"]


def test_round_trip_of_numbers_that_are_not_finite(tmp_path):
    before = Result(
        "free_energy",
        {"free_energy": Estimate(math.nan, math.inf), "energy": Estimate(-math.inf, 0.1)},
        {"tau": math.inf, "rhat": math.nan, "low": -math.inf},
    )
    path = tmp_path / "result.json"
    before.write(path)
    after = Result.read(path)
    for name, estimate in before.estimates.items():
        assert equal(vars(after.estimates[name]), vars(estimate))
    assert equal(after.diagnostics, before.diagnostics)
    # every reader of JSON takes the file, not only Python's
    json.loads(path.read_text(encoding="utf-8"), parse_constant=pytest.fail)


def test_round_trip_of_a_reference_without_a_known_error(tmp_path):
    before = result(reference=Reference("energy", 3.0, math.inf, "estimate", "somewhere"))
    before.write(tmp_path / "result.json")
    assert Result.read(tmp_path / "result.json") == before


def test_file_says_where_the_headline_lies(tmp_path):
    result(3.03, 0.01).write(tmp_path / "result.json")
    fields = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    assert fields["sigmas"] == pytest.approx(3) and fields["percent"] == pytest.approx(1)
    assert fields["estimates"]["energy"] == {"value": 3.03, "error": 0.01}


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "result.json"
    result().write(path)
    old = path.read_text(encoding="utf-8")
    with pytest.raises(TypeError):
        result(provenance={"device": object()}).write(path)
    assert path.read_text(encoding="utf-8") == old


def text(estimates, reference=None):
    """A result file with all fields."""
    fields = {"quantity": "energy", "estimates": estimates, "diagnostics": {}, "notes": [], "reference": reference}
    return json.dumps({**fields, "provenance": {}})


BROKEN = {
    "empty": "",
    "half": '{"quantity": "energy", "estim',
    "list": "[1, 2]",
    "number": "3",
    "no fields": "{}",
    "no headline": text({}),
    "no error": text({"energy": {"value": 3}}),
    "words": text({"energy": {"value": "three", "error": 1}}),
    "no estimate": text({"energy": 3}),
    "half a reference": text({"energy": {"value": 3, "error": 1}}, {"value": 3}),
}


def test_the_texts_are_broken_where_they_say(tmp_path):
    path = tmp_path / "result.json"
    path.write_text(text({"energy": {"value": 3, "error": 1}}), encoding="utf-8")
    assert Result.read(path).headline == Estimate(3.0, 1.0)


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_broken_files_are_refused_in_one_line(content, tmp_path):
    path = tmp_path / "result.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"^result file .*result\.json cannot be read: ") as refusal:
        Result.read(path)
    assert "\n" not in str(refusal.value)


def test_files_that_are_not_there_or_no_text(tmp_path):
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00\x80")
    for name in ("none.json", "binary.json", "."):
        with pytest.raises(InputError, match="cannot be read") as refusal:
            Result.read(tmp_path / name)
        assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("value", "error", "fires"),
    [
        (3.0, 0.01, False),
        (3.5, 0.01, False),  # above is no alarm, however far
        (2.98, 0.01, False),  # 2 sigma
        (2.971, 0.01, False),  # 2.9 sigma
        (2.969, 0.01, True),  # 3.1 sigma
        (2.0, 0.01, True),
        (2.999, 0.0, True),  # no error at all and below
        (2.0, math.inf, False),
        (2.0, math.nan, False),
    ],
)
def test_alarm_below_the_exact_value(value, error, fires):
    alarm = result(value, error).alarm()
    assert (alarm is not None) == fires
    if fires:
        assert alarm.startswith("ALARM: energy ") and "below the exact 3" in alarm and "\n" not in alarm


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_headline_that_is_not_finite_is_an_alarm(value):
    assert result(value, 0.01).alarm().startswith(f"ALARM: energy is {value}")


def test_no_alarm_without_an_exact_reference():
    published = Reference("energy", 3.0, 0.0, "DMC", "somewhere", False)
    assert result(2.0, 0.01, published).alarm() is None
    assert result(2.0, 0.01, None).alarm() is None


def test_errors_of_value_and_reference_are_combined():
    noisy = Reference("energy", 3.0, 0.04, "exact", "somewhere", True)
    assert result(2.9, 0.03, noisy).sigmas == pytest.approx(-2)
    assert result(2.9, 0.03, noisy).alarm() is None and result(2.9, 0.03).alarm() is not None


def test_rounding_is_no_alarm():
    """What the empty machine without repulsion gives: the mean of equal local energies, one bit below."""
    assert result(3.0 * (1 - 2e-16), 7e-18).alarm() is None


def test_without_a_reference():
    assert math.isnan(result(reference=None).sigmas) and math.isnan(result(reference=None).percent)
    zero = Reference("energy", 0.0, 0.0, "exact", "somewhere", True)
    assert math.isnan(result(reference=zero).percent)


def test_percent_of_a_negative_reference_is_positive_above_it():
    assert result(-1.9, 0.01, Reference("energy", -2.0, 0.0, "exact", "s", True)).percent == pytest.approx(5)


def test_headline_and_spelling():
    assert result(3.00012, 0.0002).headline == Estimate(3.00012, 0.0002)
    assert str(Estimate(3.00012, 0.0002)) == "3.0001(2)"


def test_best_reference_comes_first():
    references = QuantumDot(2).references()
    assert reference_for(references, "energy") is references[0] and references[0].exact
    assert reference_for(references, "free_energy") is None and reference_for([], "energy") is None


def test_an_estimate_without_an_error_says_why_and_is_kept(tmp_path):
    bare = Estimate(16.81, 0.09).without_error("too few effective samples")
    assert str(bare) == "16.81 (too few effective samples)" and bare.known_error is None
    assert "note='too few effective samples'" in repr(bare) and "note" not in repr(Estimate(1.0, 0.1))
    held = result(3.1, 0.01)
    held.estimates["kinetic"] = bare
    held.write(tmp_path / "result.json")
    text = (tmp_path / "result.json").read_text()
    assert text.count('"note"') == 2, "of the estimate and of the reference; no empty one"
    again = Result.read(tmp_path / "result.json").estimates["kinetic"]
    assert math.isnan(again.error) and again.note == bare.note
    (tmp_path / "result.json").write_text(text.replace('"error": "nan"', '"error": null'))
    assert math.isnan(Result.read(tmp_path / "result.json").estimates["kinetic"].error)


@pytest.mark.parametrize("value, error, fires", [(3.41, 0.1, True), (2.59, 0.1, True), (3.39, 0.1, False)])
@pytest.mark.parametrize("way", ["importance", "metropolis"])
def test_a_reweighted_value_far_from_the_exact_one_raises_an_alarm(way, value, error, fires):
    held = result(3.5, 0.01)
    held.estimates[f"energy_{way}"] = Estimate(value, error)
    assert (held.alarm() is not None) == fires
    if fires:
        assert f"energy_{way}" in held.alarm() and ("above" if value > 3 else "below") in held.alarm()
    held.estimates[f"energy_{way}"] = Estimate(value, error).without_error("too few effective samples")
    assert held.alarm() is None, "nothing to judge by"


def test_alarms_beside_the_headline_are_kept(tmp_path):
    known = [Reference("trap", 1.0, 0.0, "exact", "s", True), Reference("coulomb", 1.0, 0.0, "DMC", "s", False)]
    far = {"trap_importance": Estimate(1.5, 0.1), "coulomb_importance": Estimate(1.5, 0.1)}
    held = result(3.1, 0.01)
    held.alarms = reweighted_alarms(far, known)
    assert len(held.alarms) == 1 and "trap_importance" in held.alarm() and "5.0 sigma above" in held.alarm()
    held.write(tmp_path / "result.json")
    assert Result.read(tmp_path / "result.json").alarm() == held.alarm()


def test_a_lower_bound_alarms_above_and_what_is_no_bound_never():
    exact = Reference("log_likelihood", -2.0, 0.0, "exact", "closed form", exact=True)
    for kind, value, alarms in (
        (LOG_LIKELIHOOD, -1.9, True),
        (LOG_LIKELIHOOD, -2.1, False),
        (Quantity("log_likelihood", "L", bound=None), -1.9, False),
        (Quantity("log_likelihood", "L"), -2.1, True),
    ):
        found = Result(kind.name, {kind.name: Estimate(value, 1e-3)}, reference=exact, kind=kind)
        assert (found.alarm() is not None) == alarms
        assert Result.of(found.text(), "x").kind == kind


def test_a_quantity_of_no_known_bound_or_gap_is_refused():
    with pytest.raises(InputError, match="^bound must be one of upper, lower, None, got 'both'"):
        Quantity("x", "X", bound="both")
    with pytest.raises(InputError, match="^gap must be one of percent, nats, absolute, got 'eV'"):
        Quantity("x", "X", gap="eV")
    held = json.loads(result(3.0).text())
    with pytest.raises(InputError, match="^x cannot be read"):
        Result.of(json.dumps({**held, "kind": {"name": "energy", "symbol": "E", "bound": "both"}}), "x")


def test_results_that_said_their_guarantee_in_words_are_read():
    """Those of all entries, and of a map that folds, whose F is no bound."""
    for entry in entries().values():
        found = Result.read(entry.folder / "result.json")
        words = [note.removeprefix("guarantee: ") for note in found.notes if note.startswith("guarantee: ")]
        stated = json.loads((entry.folder / "result.json").read_text()).get("guarantee")
        assert found.guarantee == (words[0] if words else stated) and found.is_bound
    old = json.loads(result(3.0).text())
    del old["kind"], old["guarantee"]
    folded = Result.of(json.dumps({**old, "notes": ["NOT A BOUND: it folds", "guarantee: checked"]}), "x")
    assert folded.guarantee == "violated" and not folded.is_bound
