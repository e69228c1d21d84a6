"""Forms of parametric matrix models, and the arguments that each takes."""

from __future__ import annotations

from typing import Any

from physgen.core.errors import InputError, check_integer
from physgen.nn.parametric_matrices import EigenvalueMatrices, ParametricMatrices, TransitionMatrices, UnitaryMatrices

FORMS = ("eigenvalues", "unitary", "transitions")


def matrices_of(
    form: str,
    features: int,
    levels: tuple[int, ...],
    observables: int,
    outputs: int,
    vectors: int,
    factors: int,
    imaginary: bool,
    restarts: int,
    size: int,
) -> ParametricMatrices:
    """Return the matrices of a form, see `ParametricMatrixModel`."""
    if form == "unitary":
        return UnitaryMatrices(check_integer("factors", factors, 1), levels, restarts, size)
    if form == "transitions":
        check_integer("vectors", vectors, 1, size)
        return TransitionMatrices(features, check_integer("outputs", outputs, 1), vectors, restarts, size, imaginary)
    check_integer("observables", observables, 0)
    return EigenvalueMatrices(features, levels, observables, restarts, size, imaginary)


def refuse_idle(form: str, **given: Any) -> None:
    """Raise `InputError` for an argument that another form than the chosen one takes."""
    takers = {
        "observables": ("eigenvalues",),
        "outputs": ("transitions",),
        "vectors": ("transitions",),
        "factors": ("unitary",),
        "powers": ("eigenvalues", "transitions"),
    }
    idle = {"observables": 0, "outputs": 1, "vectors": 3, "factors": 2, "powers": None}
    for name, value in given.items():
        if form not in takers[name] and value != idle[name]:
            raise InputError(f"{name} has no effect with form {form}, got {value!r}")
