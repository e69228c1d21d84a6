"""How far repulsion stretches a cloud of charges in a harmonic trap, smoothly in the trap's frequency."""

from __future__ import annotations

from torch import Tensor

#: Newton steps from a start above the root: they end at rounding
STEPS = 30


def stretch(ratio: Tensor) -> Tensor:
    r"""Return the $s \ge 1$ with $s^4 - c\, s - 1 = 0$, which minimises $1/(2 s^2) + s^2/2 + c/s$.

    A cloud without repulsion has kinetic and potential energy 1/2 each; scaled by s, with a repulsion c/s, it has this
    energy. Newton's method from above: the polynomial is convex there.

    Args:
        ratio: c >= 0 `(*)`, the repulsion over the energy of the cloud without it.
    """
    s = 1 + ratio.pow(1 / 3)
    for _ in range(STEPS):
        s = s - (s**4 - ratio * s - 1) / (4 * s**3 - ratio)
    return s


def stretched_length(omega: Tensor, ratio: float) -> Tensor:
    r"""Return $\omega^{-1/2} s$ `(*)`, the oscillator's length times the `stretch` of $c\, \omega^{-1/2}$.

    Args:
        omega: frequencies `(*)`.
        ratio: c at omega = 1; the repulsion grows as $\omega^{-1/2}$ beside the oscillator's energy.
    """
    width = omega.rsqrt()
    return width * stretch(ratio * width)
