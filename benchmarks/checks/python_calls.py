"""Python calls of every public kind with wrong shapes, dtypes, devices, values and numbers.

    python -m benchmarks python_calls

Every call must raise an `InputError` of one line that names the argument, or give a right answer.
"""

from __future__ import annotations

import inspect
import math
import re
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.places import RESULTS
from physgen import list_pretrained, load_pretrained
from physgen.core.errors import InputError
from physgen.models import DensityModel, Model, WavefunctionModel
from physgen.objectives.forward_kl import forward_kl
from physgen.runs.evaluation import Evaluation
from physgen.samplers import Sampler
from physgen.systems import (
    ClassicalDot,
    DoubleWellCluster,
    Ising2D,
    LightNucleus,
    QuantumDot,
    QuarticWell,
    ScalarPhi4,
    System,
    TautState,
    cusp,
    two_charges,
    two_electrons,
)

RESULT = RESULTS / "python_calls.txt"
#: values that no argument is meant to take as they are; some arguments may take some of them
ODD = [
    *(None, math.nan, math.inf, -1, 0, 1.5, 1e300, 1e-300, 2**70, 10**400, True, "x", b"x", [], [1], {}, object()),
    *(np.int64(3), np.float32(2), np.array([1, 2]), torch.tensor(2.0), torch.tensor([1]), torch.zeros(2, 2), 1j),
]
#: arguments that keep a model small; others have their defaults
SMALL = {
    "GaussianBinaryRBM": {"hidden": 2},
    "BoltzmannMachine": {"hidden": 4},
    "DiffusionModel": {"hidden": 4, "layers": 1, "steps": 2},
    "VariationalAutoencoder": {"hidden": 4, "latents": 4},
    "MLPFlow": {"hidden": [8]},
    "InvertibleMLPFlow": {"hidden": [8], "layers": 1},
    "AutoregressiveMLP": {"hidden": 4},
    "TiedFlow": {"layers": 1},
    "TransformerFlow": {"blocks": 1, "heads": 1, "hidden": 4},
    "TransformerCouplingFlow": {"sweeps": 1, "heads": 1, "hidden": 4, "bins": 8},
    "NeuralBackflow": {"width": 4, "pair_width": 2, "determinants": 2},
    "TransformerWavefunction": {"width": 4, "heads": 2, "layers": 1, "determinants": 2},
}


@dataclass
class Call:
    """One call: what it is, how it is made, the argument that an error must name, and what a right answer is."""

    what: str
    make: Callable[[], Any]
    named: str
    right: Callable[[Any], bool] = lambda found: False


def small(kind: type[Model], dtype: torch.dtype = torch.float64) -> Model:
    """Return a small model of a kind."""
    torch.manual_seed(1)
    if issubclass(kind, WavefunctionModel):
        sampler = {"class_path": "Metropolis", "init_args": {"walkers": 8, "warm_up_steps": 4, "steps": 1}}
        return kind(home(kind), sampler=sampler, **SMALL.get(kind.__name__, {})).to(dtype)
    return kind(home(kind), **SMALL.get(kind.__name__, {})).to(dtype)


def home(kind: type[Model]) -> System:
    """Return a small system that lives where a kind of model does."""
    quantum = issubclass(kind, WavefunctionModel)
    waves = (QuantumDot(2, dim=3), LightNucleus("2H"))
    known = waves if quantum else (ClassicalDot(3, beta=2.0), Ising2D(4), DoubleWellCluster(3), ScalarPhi4(2))
    return next(system for system in known if issubclass(type(system.space), kind.spaces))


def numbers(found: Any) -> Tensor:
    """Return what a method gave as one tensor `(rows, values)`."""
    values = found.values() if isinstance(found, dict) else found if isinstance(found, tuple) else [found]
    tensors = (torch.as_tensor(np.array(v) if isinstance(v, np.ndarray) else v).detach().double() for v in values)
    return torch.cat([v.flatten(1) if v.ndim > 1 else v.unsqueeze(-1) for v in tensors], 1)


def equal(expected: Any) -> Callable[[Any], bool]:
    """Return a test whether an answer is, number by number, `expected`."""
    return lambda found: torch.allclose(numbers(found), numbers(expected), rtol=1e-4, atol=1e-5, equal_nan=True)


def not_finite(expected: Any) -> Callable[[Any], bool]:
    """Return a test whether row 1 of an answer holds nothing finite and large, and the others are as expected."""

    def right(found: Any) -> bool:
        rows, whole = numbers(found), numbers(expected)
        return torch.allclose(rows[::2], whole[::2], rtol=1e-4, atol=1e-5) and not bool(rows[1].isfinite().all())

    return right


def of_configurations(name: str, call: Callable[[Any], Any], x: Tensor, on_one_device: bool = True) -> Iterator[Call]:
    """Yield calls of a method of configurations `x` `(3, n, dim)`."""
    wrong = {
        "one axis": x[0, 0],
        "fewer particles": x[:, 1:],
        "more particles": torch.cat([x, x], 1),
        "fewer dimensions": x[..., 1:],
        "more axes": x[..., None],
        "flat": x.flatten(1),
        "complex": x.to(torch.complex128),
        "bool": x > 0,
        "sparse": x.to_sparse(),
        "list": x.tolist(),
        "None": None,
        "string": "x",
        "number": 1.0,
        "dict": {"x": x},
        "array of objects": x.numpy().astype(object),
        "array of text": x.numpy().astype(str),
        "complex array": x.numpy().astype(complex),
        "flat array": x.flatten(1).numpy(),
        "scalar array": np.array(1.0),
    }
    if on_one_device:
        wrong["meta"] = x.to("meta")
    for kind, value in wrong.items():
        yield Call(f"{name}({kind})", lambda value=value: call(value), "x")
    with torch.no_grad():
        expected = call(x)
    same = {
        "float32": x.float(),
        "transposed in memory": x.mT.contiguous().mT,
        "Fortran order": np.asfortranarray(x.numpy()),
        "byte-swapped": x.numpy().astype(">f8"),
        "long double": x.numpy().astype(np.longdouble),
        "every other": np.repeat(x.numpy(), 2, axis=0)[::2],
        "negative strides": x.numpy()[::-1].copy()[::-1],
        "requires a gradient": x.clone().requires_grad_(True),
    }
    for kind, value in same.items():
        yield Call(f"{name}({kind})", lambda value=value: call(value), "x", equal(expected))
    yield Call(f"{name}(empty)", lambda: call(x[:0]), "x", lambda found: len(numbers(found)) == 0)
    for value in (math.nan, math.inf, -math.inf):
        spoiled = x.clone()
        spoiled[1, 0, 0] = value
        yield Call(f"{name}({value})", lambda spoiled=spoiled: call(spoiled), "x", not_finite(expected))


def of_models() -> Iterator[Call]:
    """Yield calls of the methods of every model."""
    for kind in kinds(Model):
        for dtype in (torch.float64, torch.float32):
            model = small(kind, dtype).eval()
            name, wave = kind.__name__, isinstance(model, WavefunctionModel)
            drawn = model.sample(3, 1)
            x = (drawn if wave else drawn[0]).double()
            methods = ("log_psi", "derivatives", "local_energy") if wave else ("log_prob",)
            for method in methods if dtype is torch.float64 else methods[-1:]:
                yield from of_configurations(f"{name}.{method}", getattr(model, method), x)
        if not wave:
            yield from of_configurations(f"forward_kl of {name}", lambda x, model=model: forward_kl(model, x), x)
        yield from of_draws(name, model)
        for argument in model.init_args:
            for value in ODD:
                yield Call(
                    f"{name}({argument}={value!r})",
                    lambda kind=kind, argument=argument, value=value: made(kind, argument, value),
                    argument.removeprefix("init_args."),
                    lambda found: isinstance(found, Model) and found.spec() is not None,
                )


def made(kind: type[Model], argument: str, value: Any) -> Model:
    """Return a model of a kind with one argument that is odd."""
    return kind(**{"system": home(kind), **SMALL.get(kind.__name__, {}), argument: value})


def of_draws(name: str, model: Model) -> Iterator[Call]:
    """Yield calls of the methods that draw."""

    def many(found: Any, num: int = 2) -> bool:
        first = found if isinstance(found, (Tensor, np.ndarray)) else found[0]
        return len(first) in (num, 3, 1, 2)

    for value in [*ODD, 10**9, 1e9, 2**63, -(2**63), 10**15]:
        yield Call(f"{name}.sample({value!r})", lambda value=value: model.sample(value), "num_samples", many)
        if isinstance(value, torch.Generator):
            continue
        yield Call(f"{name}.sample(2, {value!r})", lambda value=value: model.sample(2, value), "generator", many)
    for value in (1, "yes", None, np.True_, [True]):
        yield Call(f"{name}.sample(2, 1, {value!r})", lambda value=value: model.sample(2, 1, value), "numpy", many)
    fields = ("samples", "seed", "batch", "thin", "warm_up", "repeats", "until_error", "max_samples")
    for field in fields:
        for value in (None, math.nan, -1, 1.5, "x", [], 2**70, 1e300, torch.zeros(2), np.int64(2), np.array(2)):
            settings = {"samples": 4, "batch": 2, "warm_up": 0, "thin": 1, field: value}
            yield Call(
                f"{name}.observe({field}={value!r})",
                lambda settings=settings: model.observe(**settings),
                field,
                lambda found: isinstance(found, dict) and model.quantity in found,
            )
    yield Call(f"{name}.evaluate(None)", lambda: model.evaluate(None), "evaluation")


def of_systems() -> Iterator[Call]:
    """Yield calls of systems: constructors, methods of configurations, and what must not be changed."""
    for kind in (QuantumDot, ClassicalDot, QuarticWell, TautState):
        for argument in inspect.signature(kind).parameters:
            for value in ODD:
                make = partial(kind, **{argument: value})
                yield Call(f"{kind.__name__}({argument}={value!r})", make, argument, lambda found: repr(found) != "")
    for system in (QuantumDot(3), ClassicalDot(3), QuarticWell(), TautState()):
        name = type(system).__name__
        x = torch.randn(3, system.n, system.dim, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
        for method in ("terms", "energy", "potential", "log_psi", "derivatives"):
            if callable(getattr(system, method, None)):
                yield from of_configurations(f"{name}.{method}", getattr(system, method), x, on_one_device=False)
        if isinstance(system, System):
            for value in [*ODD, 10**15]:
                yield Call(f"{name}.initial({value!r})", partial(system.initial, value), "num", lambda x: len(x) < 4)
            for argument in system.init_args:
                yield Call(f"{name}.{argument} = 1", partial(setattr, system, argument, 1), argument)
        if isinstance(system, QuantumDot):
            for value in (None, 3, "psi", x):
                yield Call(f"local_energy({value!r})", partial(system.local_energy, value, x), "wavefunction")
    for function in (two_electrons, two_charges, cusp):
        first, *others = inspect.signature(function).parameters
        for argument in (first, *others):
            for value in ODD:
                make = partial(function, **{first: 2, argument: value})
                yield Call(f"{function.__name__}({argument}={value!r})", make, argument, all_finite)


def all_finite(found: Any) -> bool:
    """Return whether all numbers of a solution are finite."""
    return all(map(math.isfinite, found if isinstance(found, tuple) else vars(found).values()))


def of_samplers() -> Iterator[Call]:
    """Yield calls of samplers."""
    for kind in kinds(Sampler):
        for argument in kind().init_args:
            for value in ODD:
                yield Call(
                    f"{kind.__name__}({argument}={value!r})",
                    lambda kind=kind, argument=argument, value=value: kind(**{argument: value}),
                    argument,
                    lambda found: isinstance(found, Sampler),
                )


def of_entries() -> Iterator[Call]:
    """Yield calls of the zoo and of evaluations."""
    name = "quantum-dot-2d-n2-omega1/rbm-jastrow"
    for value in [*ODD, "", "../x", "classical-dot", "a" * 5000, "\0", f"{name}s"]:
        yield Call(f"load_pretrained({value!r})", partial(load_pretrained, value), "pretrained name")
        yield Call(f"list_pretrained({value!r})", partial(list_pretrained, value), "pattern", is_a(list))
        yield Call(f"Model.of({value!r})", partial(Model.of, value), "model")
        yield Call(f"System.of({value!r})", partial(System.of, value), "system")
        yield Call(f"load_from_checkpoint({value!r})", partial(Model.load_from_checkpoint, value), "checkpoint")
        for argument, right in (("map_location", is_a(Model)), ("folder", is_a(Model))):
            make = partial(load_pretrained, name, **{argument: value})
            yield Call(f"load_pretrained({argument}={value!r})", make, argument, right)
    for field in Evaluation.__dataclass_fields__:
        for value in ODD:
            make = partial(Evaluation, **{field: value})
            yield Call(f"Evaluation({field}={value!r})", make, field, is_a(Evaluation))


def is_a(kind: type) -> Callable[[Any], bool]:
    """Return a test whether an answer is of a kind."""
    return lambda found: isinstance(found, kind)


def kinds(family: type) -> list[type]:
    """Return the package's own classes of a family, of models those that draw."""
    own = [kind for kind in family.registry.values() if kind.__module__.startswith("physgen.")]
    return [kind for kind in own if family is not Model or issubclass(kind, (WavefunctionModel, DensityModel))]


def fault(call: Call) -> str | None:
    """Return what is wrong with a call, None if nothing is."""
    try:
        found = call.make()
    except InputError as error:
        if "\n" in str(error):
            return f"{len(str(error).splitlines())} lines: {error}"
        named = re.search(rf"(?<!\w){re.escape(call.named)}(?!\w)", str(error))
        return None if named else f"{call.named!r} is not named: {error}"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"[:300]
    try:
        return None if call.right(found) else "no error, and no right answer"
    except BaseException as error:
        return f"an answer of another kind: {type(error).__name__}: {error}"[:300]


def main(every: int = 1) -> int:
    """Make every `every`-th call, write the summary and return how many went wrong."""
    start, count, wrong = time.perf_counter(), Counter(), []
    warnings.simplefilter("ignore")
    for family in (of_models, of_systems, of_samplers, of_entries):
        for index, call in enumerate(family()):
            if index % every:
                continue
            count[family.__name__] += 1
            found = fault(call)
            if found is not None:
                wrong.append(call)
                print(f"WRONG {call.what[:100]!r}\n      {found}", flush=True)
    families = ", ".join(f"{number} {name.removeprefix('of_')}" for name, number in count.items())
    total = sum(count.values())
    line = (
        f"{total} calls ({families}): {total - len(wrong)} refused in one line that names the argument or right, "
        f"{len(wrong)} wrong"
    )
    print(f"{line}, {time.perf_counter() - start:.0f} s")
    if every == 1:
        RESULT.write_text(line + "\n", encoding="utf-8")
    return len(wrong)
