import json

import numpy as np
import pytest
import torch

from physgen.core.errors import InputError
from physgen.monte_carlo import ReferenceRecord, Settings, cache_folder, load_samples, reference, save_samples
from physgen.systems import ClassicalDot

DOT = ClassicalDot(2, beta=4.0)
QUICK = Settings(error=0.5, walkers=16, warm_up=50, samples=100)


def test_cache_hit_and_miss_are_marked(tmp_path):
    first = reference(DOT, QUICK)
    again = reference(DOT, QUICK)
    assert (first.origin, again.origin) == ("computed", "cached")
    assert again.estimates == first.estimates and again.references == first.references
    assert all(np.array_equal(again.arrays[k], v) for k, v in first.arrays.items())
    again.write(tmp_path / "out")
    assert json.loads((tmp_path / "out" / "reference.json").read_text())["origin"] == "cached"
    assert reference(DOT, QUICK, cache=False).origin == "computed"
    assert reference(ClassicalDot(2, beta=5.0), QUICK).origin == "computed"
    folders = {cache_folder(s, t) for s in (DOT, ClassicalDot(2, beta=5.0)) for t in (QUICK, Settings())}
    assert len(folders) == 4


def test_a_broken_cache_is_computed_anew():
    reference(DOT, QUICK)
    folder = cache_folder(DOT, QUICK)
    (folder / "reference.json").write_text('{"half')
    with pytest.raises(InputError, match="cannot be read"):
        ReferenceRecord.read(folder)
    assert reference(DOT, QUICK).origin == "computed"
    (folder / "samples.npz").unlink()
    assert reference(DOT, QUICK).origin == "computed"


def test_samples_come_back_and_have_the_law(agrees):
    settings = Settings(error=0.05, walkers=32, warm_up=100, samples=3000)
    record = reference(DOT, settings)
    x = load_samples(cache_folder(DOT, settings) / "samples.npz", DOT)
    assert x.shape == (3000, 2, 2) and x.dtype == torch.float32
    exact = [next(r.value for r in record.references if r.quantity == q) for q in ("trap", "coulomb")]
    agrees(torch.stack(list(DOT.terms(x.double()).values()), 1), exact)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.zeros((5, 3, 2)), r"must be real of shape \(N, 2, 2\), got float64 \(5, 3, 2\)"),
        (np.zeros((5, 2, 3)), r"must be real of shape \(N, 2, 2\)"),
        (np.zeros((5, 4)), r"must be real of shape \(N, 2, 2\)"),
        (np.zeros((0, 2, 2)), r"must be real of shape \(N, 2, 2\)"),
        (np.zeros((5, 2, 2), dtype=int), "must be real"),
        (np.full((5, 2, 2), np.nan), "must be finite, got 5 of 5"),
        (np.full((5, 2, 2), 1e300), "must be finite, got 5 of 5"),
        (np.zeros((5, 2, 2)), "must have a finite energy, got 5 of 5"),
    ],
)
def test_bad_samples_are_refused(tmp_path, content, message):
    np.savez(tmp_path / "x.npz", x=content)
    with pytest.raises(InputError, match=message) as refusal:
        load_samples(tmp_path / "x.npz", DOT)
    assert "\n" not in str(refusal.value)


def test_files_that_are_none_are_refused(tmp_path):
    np.savez(tmp_path / "other.npz", y=np.zeros(3))
    np.save(tmp_path / "array.npy", np.zeros(3))
    np.savez(tmp_path / "pickle.npz", x=np.array([{}], dtype=object))
    (tmp_path / "text.npz").write_text("x,y\n1,2\n")
    (tmp_path / "empty.npz").write_text("")
    names = ["missing.npz", "other.npz", "array.npy", "pickle.npz", "text.npz", "empty.npz", "."]
    for name in names:
        with pytest.raises(InputError, match="^samples .* must ") as refusal:
            load_samples(tmp_path / name, DOT)
        assert "\n" not in str(refusal.value)


def test_samples_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        save_samples(tmp_path / "file" / "x.npz", torch.zeros(1, 2, 2))
