"""A wavefunction where configurations stand: psi and its derivatives there are found once."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any
from weakref import WeakSet

from torch import Tensor

from physgen.core.errors import check_real


class At:
    r"""A wavefunction at one set of configurations, for everything that is measured there.

    $\ln|\psi|$, its sign and its derivatives at `x` are found when they are first asked for, and once; any other
    configurations, such as those with two spins exchanged, and any other name go to the wavefunction. Its methods run
    with the view in the place of the wavefunction, so a `local_energy` of its own is taken and meets what is known.

    Args:
        wavefunction: gives `log_psi` and `derivatives`.
        x: configurations `(batch, n, dim)`; what is known is given to this very tensor.
    """

    _wavefunction: Any
    _x: Tensor
    _psi: tuple[Tensor, Tensor]
    _found: tuple[Tensor, Tensor]
    _kept: dict[str, Tensor]

    def __init__(self, wavefunction: Any, x: Tensor) -> None:
        own = {"_wavefunction": wavefunction, "_x": x, "_psi": None, "_found": None, "_kept": {}}
        for name, value in own.items():
            object.__setattr__(self, name, value)

    def log_psi(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return sign and ln|psi|, `(batch,)` each."""
        if x is not self._x or self._psi is None:
            found: tuple[Tensor, Tensor] = self._wavefunction.log_psi(x)
            if x is not self._x:
                return found
            object.__setattr__(self, "_psi", found)
        return self._psi

    def derivatives(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return gradient `(batch, n, dim)` and Laplacian `(batch,)` of ln|psi|."""
        if x is not self._x or self._found is None:
            found: tuple[Tensor, Tensor] = self._wavefunction.derivatives(x)
            if x is not self._x:
                return found
            object.__setattr__(self, "_found", found)
        return self._found

    def once(self, name: str, x: Tensor, find: Callable[[], Tensor]) -> Tensor:
        """Return what `find` gives of the configurations `x`, found once under its name for those of the view."""
        if x is not self._x:
            return find()
        if name not in self._kept:
            self._kept[name] = find()
        return self._kept[name]

    def known(self, name: str) -> Tensor | None:
        """Return what was found once under this name, None if nothing was."""
        return self._kept.get(name)

    def known_gradient(self) -> Tensor | None:
        """Return the gradient `(batch, n, dim)` of ln|psi| at `x` if it was asked for, else None."""
        return None if self._found is None else self._found[0]

    @property
    def x(self) -> Tensor:
        """Configurations `(batch, *shape)` of the view."""
        return self._x

    @property  # type: ignore[misc]  # object's may be written too
    def __class__(self) -> type:  # so that `super()` in a method of the wavefunction finds its base
        return type(self._wavefunction)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._wavefunction, name)
        if isinstance(found, types.MethodType) and found.__self__ is self._wavefunction:
            return types.MethodType(found.__func__, self)
        return found

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._wavefunction, name, value)


#: wavefunctions that were found to be real
_real: WeakSet[Any] = WeakSet()


def refuse_complex(wavefunction: Any, x: Tensor) -> None:
    """Look once at the psi of a wavefunction, at one configuration of `x`.

    Raises:
        InputError: sign or ln|psi| is complex.
    """
    if type(wavefunction) is At:
        wavefunction = object.__getattribute__(wavefunction, "_wavefunction")
    if hasattr(wavefunction, "log_psi") and wavefunction not in _real:
        check_real(type(wavefunction).__name__, *wavefunction.log_psi(x[:1]))
        _real.add(wavefunction)
