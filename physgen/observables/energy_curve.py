"""The energy over the label of a family, from walkers that each have a label of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from physgen.core.ranks import gather
from physgen.observables.base import Findings, Observable
from physgen.stats import v_score
from physgen.stats.estimate import Estimate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Chebyshev polynomials of ln(label) that the means of chains are fitted by
DEGREE = 6
#: labels at which the curve is kept
CURVE = 61


class EnergyCurve(Observable):
    r"""`energy@w` at labels w, and the means over the family, by a regression of the means of chains on their labels.

    Each chain k keeps its label $w_k$; its mean of $E_L/w$ scatters about $f(s_k) = \sum_j c_j T_j(s_k)$, $s \in [-1,
    1]$ linear in $\ln w$. Least squares give f with its covariance, of independent chains, and
    $E(w) = w f(s)$. Its slope $dE/dw = f + f'(s)\, ds/d\ln w$ is that of the trap's mean, $2 \langle V \rangle / w$,
    where every state is exact (Hellmann-Feynman): both stand beside each other. Without the fit the spread of $E(w)/w$
    over the family would count as noise. The means of all quantities of an evaluation that are measured by chain are
    those of the fit too.

    Args:
        space: gives `labels`, `low` and `high`.
        points: labels at which energies are quoted.
    """

    def __init__(self, space: Any, points: Sequence[float]) -> None:
        self.space, self.points = space, list(points)
        self.begin()

    def begin(self) -> None:
        """Forget the chains."""
        self.scaled: Tensor | None = None
        self.fit: tuple[Tensor, Tensor] | None = None
        #: that of the trap's energy
        self.trap: tuple[Tensor, Tensor] | None = None

    def coordinate(self, labels: Tensor) -> Tensor:
        """Return s `(*)` of labels, -1 and 1 at the ends of the family."""
        low, high = np.log(self.space.low), np.log(self.space.high)
        scaled: Tensor = (2 * labels.double().log() - low - high) / (high - low)
        return scaled

    def measure(self, at: Any) -> dict[str, Tensor]:
        """Keep the labels; there are no values of single configurations."""
        self.scaled = self.coordinate(self.space.labels(at.x))
        return {}

    def finish(self, found: Findings) -> None:
        """Replace means over walkers of all labels by those of a fit over all ranks, and add energies of members."""
        assert self.scaled is not None
        scaled = gather(self.scaled).cpu()
        basis = polynomials(scaled, min(DEGREE, len(scaled) // 4))
        # the mean over s of every polynomial
        orders = torch.arange(basis.shape[1], dtype=torch.float64)
        mean = torch.where(orders % 2 == 0, 1 / (1 - orders.square()), torch.zeros_like(orders))
        for name, metric in found.measured.items():
            series = metric.series().double()
            if series.shape[1] != len(self.scaled):
                continue
            values, scatter = (gather(v).cpu() for v in (series.mean(0), series.var(0, unbiased=False)))
            if not bool(values.isfinite().all()):
                continue
            coefficients, covariance = regression(basis, values)
            error = float(mean @ covariance @ mean) ** 0.5
            found.estimates[name] = Estimate(float(mean @ coefficients), error)
            if name == "trap":
                self.trap = coefficients, covariance
            if name == "energy":
                self.fit = coefficients, covariance
                variance = float((scatter + (values - basis @ coefficients).square()).mean())
                value = found.estimates["energy"].value
                particles = self.space.particles
                found.diagnostics |= {"variance": variance, "v_score": float(v_score(value, variance, particles))}
        for name in ("tau", "rhat"):  # of chains that differ in their labels
            found.diagnostics.pop(name, None)
        for point in self.points if self.fit is not None else []:
            (value,), (error,) = self.energies(torch.tensor([point], dtype=torch.float64))
            found.estimates[f"energy@{point:g}"] = Estimate(float(value), float(error))

    def energies(self, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return energies and their errors `(*)` at labels `(*)`."""
        assert self.fit is not None
        coefficients, covariance = self.fit
        basis = polynomials(self.coordinate(labels), len(coefficients) - 1)
        error = (basis @ covariance * basis).sum(-1).sqrt()
        return labels * (basis @ coefficients), labels * error

    def slopes(self, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return dE/dw of the curve and its error `(*)` at labels `(*)`."""
        assert self.fit is not None
        coefficients, covariance = self.fit
        s, terms = self.coordinate(labels), len(coefficients)
        basis = polynomials(s, terms - 1)
        basis = basis + derivatives(s, terms - 1) * (2 / float(np.log(self.space.high / self.space.low)))
        return basis @ coefficients, (basis @ covariance * basis).sum(-1).sqrt()

    def trap_slopes(self, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return 2 <V>/w of the trap's energy V and its error `(*)` at labels `(*)`."""
        assert self.trap is not None
        coefficients, covariance = self.trap
        basis = polynomials(self.coordinate(labels), len(coefficients) - 1)
        return 2 * basis @ coefficients, 2 * (basis @ covariance * basis).sum(-1).sqrt()

    def histograms(self, x: Tensor) -> dict[str, Tensor]:
        """Return `curve_label`, and there `energy_curve`, `slope_curve` and `trap_slope_curve` with their errors."""
        if self.fit is None:
            return {}
        labels = torch.logspace(np.log10(self.space.low), np.log10(self.space.high), CURVE, dtype=torch.float64)
        value, error = self.energies(labels)
        found = {"curve_label": labels, "energy_curve": value, "energy_curve_error": error}
        found["slope_curve"], found["slope_curve_error"] = self.slopes(labels)
        if self.trap is not None:
            found["trap_slope_curve"], found["trap_slope_curve_error"] = self.trap_slopes(labels)
        return found

    def figures(self, arrays: Mapping[str, np.ndarray], x: Tensor, title: str) -> dict[str, Figure]:
        """Return the curve in units of the label, which would else span decades, and both slopes."""
        from physgen.figures.curves import energy_curve, slope_curves  # matplotlib is slow

        found = {"energy_curve": energy_curve(arrays, title)} if "energy_curve" in arrays else {}
        return found | ({"slope_curves": slope_curves(arrays, title)} if "trap_slope_curve" in arrays else {})


def polynomials(s: Tensor, degree: int) -> Tensor:
    """Return the Chebyshev polynomials of degrees 0 to `degree` at `s` `(*)`, `(*, degree + 1)`."""
    angle = s.clamp(-1, 1).arccos()
    return torch.cos(angle.unsqueeze(-1) * torch.arange(degree + 1, dtype=torch.float64))


def derivatives(s: Tensor, degree: int) -> Tensor:
    """Return the derivatives of the Chebyshev polynomials of degrees 0 to `degree` at `s` `(*)`, `(*, degree + 1)`."""
    before, last = torch.zeros_like(s), torch.ones_like(s)  # U_-1, U_0
    found = [before]
    for order in range(1, degree + 1):
        found.append(order * last)
        before, last = last, 2 * s * last - before
    return torch.stack(found, -1)


def regression(basis: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Return the coefficients `(terms,)` of least squares, and their covariance, from the scatter of the residuals.

    The scatter may depend on the label: the covariance needs no equal variances, and residuals are those of fits
    without the chain itself, so that ends of the range, which the fit follows, count in full (HC3).

    Source: MacKinnon and White, "Some heteroskedasticity-consistent covariance matrix estimators with improved finite
    sample properties", doi:10.1016/0304-4076(85)90158-7.

    Args:
        basis: `(chains, terms)`.
        values: `(chains,)`.
    """
    inverse = torch.linalg.inv(basis.mT @ basis)
    coefficients = inverse @ (basis.mT @ values)
    leverage = (basis @ inverse * basis).sum(-1)
    residuals = (values - basis @ coefficients) / (1 - leverage)
    weighted = basis * residuals.unsqueeze(-1)
    return coefficients, inverse @ (weighted.mT @ weighted) @ inverse
