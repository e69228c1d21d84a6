"""What a system is given: numbers of any size and make, configurations of any kind, and never a new argument."""

import copy
import itertools
import math
import pickle

import numpy as np
import pytest
import torch

from physgen.core.errors import InputError
from physgen.systems import ClassicalDot, QuantumDot, QuarticWell, TautState, two_charges, two_electrons

EXTREMES = [1e-300, 1e-155, 1e-15, 1e-6, 1.0, 1e8, 1e15, 1e155, 1e300, 10**400, 0, -1, math.nan, math.inf, "x", None]
SYSTEMS = [QuantumDot(3), ClassicalDot(3), QuarticWell(), TautState()]


@pytest.mark.parametrize(("first", "second"), list(itertools.product(EXTREMES, EXTREMES)))
def test_numbers_of_any_size_work_or_are_refused(first, second):
    makers = [
        lambda: QuantumDot(2, 2, first, second),
        lambda: ClassicalDot(6, 3, first, second),
        lambda: QuarticWell(first),
    ]
    for make in makers:
        try:
            system = make()
        except InputError as refusal:
            assert "\n" not in str(refusal)
            continue
        x = system.initial(3, torch.Generator().manual_seed(0), dtype=torch.float64)
        assert x.isfinite().all() and system.length > 0
        assert all(v.isfinite().all() for v in system.terms(x).values())
        assert all(v.isfinite().all() for v in system.terms(x.float()).values())
        assert all(math.isfinite(r.value) for r in system.references())
    for solve in (two_electrons, two_charges):
        try:
            found = solve(first, 2, second)
        except InputError:
            continue
        assert all(map(math.isfinite, vars(found).values()))


def test_numbers_of_numpy_and_torch_are_kept_as_python_s_own():
    plain = QuantumDot(2, 3, 0.5, 2.0, n_up=2)
    for kind in (np.array, torch.tensor, lambda v: np.asarray(v)[()]):
        system = QuantumDot(*map(kind, (2, 3, 0.5, 2.0)), n_up=kind(2))
        assert system == plain and system.label == plain.label
        assert all(type(v) in (int, float) for v in system.init_args.values() if v is not None)
    assert ClassicalDot(2, beta=np.float32(2)).init_args["beta"] == 2.0


@pytest.mark.parametrize("system", [*SYSTEMS[:3], copy.deepcopy(SYSTEMS[0]), pickle.loads(pickle.dumps(SYSTEMS[1]))])
def test_arguments_stay_as_they_were_made(system):
    before = repr(system)
    for name in ("n", "dim", *system.init_args):
        with pytest.raises(InputError, match=f"^{name} of {type(system).__name__} must stay") as refusal:
            setattr(system, name, 1)
        assert "\n" not in str(refusal.value)
    system.remark = "free"
    assert repr(system) == before


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: type(system).__name__)
def test_configurations_are_checked(system):
    x = torch.randn(4, system.n, system.dim, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    names = ("terms", "energy", "potential", "log_psi", "derivatives")
    calls = [getattr(system, name) for name in names if callable(getattr(system, name, None))]
    if isinstance(system, QuantumDot):
        calls.append(lambda x: system.local_energy(_Gaussian(), x))
    for call in calls:
        for wrong in (
            x[:, 1:],
            x[..., :1],
            x[..., None],
            x.to(torch.complex64),
            x > 0,
            x.tolist(),
            None,
            x.to_sparse(),
        ):
            with pytest.raises(InputError, match="^x must be"):
                call(wrong)
        plain = _flat(call(x))
        for layout in (x.numpy(), np.asfortranarray(x), x.numpy().astype(">f8"), x.numpy()[::-1][::-1]):
            assert all(isinstance(v, np.ndarray) for v in _flat(call(layout)))
            assert all(map(np.array_equal, _flat(call(layout)), plain))
        whole = torch.arange(x.numel()).view_as(x)
        assert all(map(torch.equal, _flat(call(whole)), _flat(call(whole.float()))))
        assert all(v.numel() == 0 for v in _flat(call(x[:0])))


def test_more_guesses_than_the_memory_holds_are_refused(monkeypatch):
    for num in (10**15, 2**70, -1, 1.5, "3"):
        with pytest.raises(InputError, match="^num must"):
            QuantumDot().initial(num)
    with pytest.raises(InputError, match="^generator must be"):
        QuantumDot().initial(3, generator=3)
    with pytest.raises(InputError, match="^wavefunction must be"):
        QuantumDot().local_energy(None, torch.zeros(1, 2, 2))


class _Gaussian:
    def derivatives(self, x):
        return -x, torch.full_like(x[..., 0, 0], -x.shape[-2] * x.shape[-1])


def _flat(found):
    return list(found.values()) if isinstance(found, dict) else list(found) if isinstance(found, tuple) else [found]
