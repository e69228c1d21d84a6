"""Linear maps with tied weights: they commute with permutations of particles, with rotations, or with both."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from physgen.core.errors import check_even, check_integer
from physgen.nn.solve import solve


class TiedLinear(nn.Module):
    """An invertible affine map of configurations `(batch, n, dim)` that commutes with a group: f(g x) = g f(x).

    Subclasses define `forward`, `inverse` and `dense`.

    Args:
        n: number of particles.
        dim: coordinates of a particle.

    Raises:
        InputError: `n` or `dim` is not an integer of at least 1.
    """

    def __init__(self, n: int, dim: int) -> None:
        super().__init__()
        self.n, self.dim = check_integer("n", n, 1), check_integer("dim", dim, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return y = W x + b `(batch, n, dim)` and ln |det W| `()`."""
        raise NotImplementedError

    def inverse(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return x `(batch, n, dim)` of y and ln |det W| `()`."""
        raise NotImplementedError

    def dense(self) -> tuple[Tensor, Tensor]:
        """Return W `(n dim, n dim)` and b `(n dim,)` in full, for checks."""
        raise NotImplementedError


class PermutationTiedLinear(TiedLinear):
    r"""Linear map that commutes with every permutation of the particles.

    W = I (x) lambda + 1 1^T (x) gamma,  b = 1 (x) C:   y_i = lambda x_i + gamma sum_j x_j + C

    These d + 2 d^2 numbers are all that [P, W] = 0 and P b = b leave. The sum of the particles and their differences
    do not mix, hence

    ln |det W| = (n - 1) ln |det lambda| + ln |det (lambda + n gamma)|
    x_i = lambda^-1 (y_i - C - gamma S),   S = sum_i x_i = (lambda + n gamma)^-1 sum_i (y_i - C)

    at a cost of O(n d^2 + d^3) instead of O(n^3 d^3).

    Sources: "Electrons in a Quantum Dot" (Fang and Mei), weight tying; Zaheer et al., "Deep Sets", arXiv:1703.06114.

    Args:
        n: number of particles.
        dim: d, coordinates of a particle.
        noise: deviation of the first weights from the identity.

    Raises:
        InputError: `n` or `dim` is not an integer of at least 1.
    """

    def __init__(self, n: int, dim: int, noise: float = 0.01) -> None:
        super().__init__(n, dim)
        self.own = nn.Parameter(torch.eye(dim) + noise * torch.randn(dim, dim))
        self.shared = nn.Parameter(noise / n * torch.randn(dim, dim))
        self.offset = nn.Parameter(torch.zeros(dim))

    def matrices(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return lambda `(d, d)`, gamma `(d, d)` and C `(d,)`."""
        return self.own, self.shared, self.offset

    def log_det(self) -> Tensor:
        """Return ln |det W| `()`."""
        own, shared, _ = self.matrices()
        total = own + self.n * shared
        log: Tensor = (self.n - 1) * torch.linalg.slogdet(own)[1] + torch.linalg.slogdet(total)[1]
        return log

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return y = W x + b `(batch, n, d)` and ln |det W| `()`."""
        own, shared, offset = self.matrices()
        return x @ own.mT + (x.sum(-2, keepdim=True) @ shared.mT + offset), self.log_det()

    def inverse(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return x `(batch, n, d)` of y and ln |det W| `()`."""
        own, shared, offset = self.matrices()
        centred = y - offset
        # rows times matrices: (A^-1 v^T)^T is `solve` from the right
        total = solve((own + self.n * shared).mT, centred.sum(-2, keepdim=True), left=False)
        return solve(own.mT, centred - total @ shared.mT, left=False), self.log_det()

    def dense(self) -> tuple[Tensor, Tensor]:
        """Return W `(n d, n d)` and b `(n d,)` in full."""
        own, shared, offset = self.matrices()
        eye = torch.eye(self.n, dtype=own.dtype, device=own.device)
        return torch.kron(eye, own) + torch.kron(torch.ones_like(eye), shared), offset.repeat(self.n)


def rotation_block(real: Tensor, imaginary: Tensor) -> Tensor:
    """Return the real matrix `(2 m, 2 m)` of blocks [[a, b], [-b, a]] of a and b `(m, m)`: the numbers a - i b."""
    rows = torch.stack([torch.stack([real, imaginary], -1), torch.stack([-imaginary, real], -1)], -2)
    m = len(real)
    return rows.transpose(1, 2).reshape(2 * m, 2 * m)


class RotationTiedLinear(TiedLinear):
    r"""Linear map that commutes with rotations of the plane, the same for all particles.

    W = (w_ij),  w_ij = [[a_ij, b_ij], [-b_ij, a_ij]],  b = 0

    With particles as complex numbers x + i y this is the complex matrix A - i B, so ln |det W| = 2 ln |det (A - i B)|;
    an even number of coordinates is read as pairs that turn together.

    Source: "Electrons in a Quantum Dot" (Fang and Mei), weight tying.

    Args:
        n: number of particles.
        dim: coordinates of a particle, even.
        noise: deviation of the first weights from the identity.

    Raises:
        InputError: `n` is not an integer of at least 1, or `dim` is odd.
    """

    def __init__(self, n: int, dim: int = 2, noise: float = 0.01) -> None:
        super().__init__(n, check_even("dim", dim))
        self.pairs = n * dim // 2
        width = noise / self.pairs**0.5
        self.real = nn.Parameter(torch.eye(self.pairs) + width * torch.randn(self.pairs, self.pairs))
        self.imaginary = nn.Parameter(width * torch.randn(self.pairs, self.pairs))

    def complex_matrix(self) -> Tensor:
        """Return A - i B `(pairs, pairs)`."""
        return torch.complex(self.real, -self.imaginary)

    def log_det(self) -> Tensor:
        """Return ln |det W| `()`."""
        log: Tensor = 2 * torch.linalg.slogdet(self.complex_matrix())[1]
        return log

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return y = W x `(batch, n, dim)` and ln |det W| `()`."""
        pairs = x.reshape(*x.shape[:-2], self.pairs, 2)
        first, second = pairs.unbind(-1)
        real, imaginary = self.real.mT, self.imaginary.mT
        turned = [first @ real + second @ imaginary, second @ real - first @ imaginary]
        return torch.stack(turned, -1).reshape(x.shape), self.log_det()

    def inverse(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return x `(batch, n, dim)` of y and ln |det W| `()`."""
        z = torch.view_as_complex(y.reshape(*y.shape[:-2], self.pairs, 2).contiguous())
        x = solve(self.complex_matrix().mT, z, left=False)
        return torch.view_as_real(x.resolve_conj()).reshape(y.shape), self.log_det()

    def dense(self) -> tuple[Tensor, Tensor]:
        """Return W `(n dim, n dim)` and b = 0 `(n dim,)` in full."""
        full = rotation_block(self.real, self.imaginary)
        return full, full.new_zeros(len(full))


class PermutationRotationTiedLinear(PermutationTiedLinear):
    r"""Linear map that commutes with permutations of the particles and with rotations of the plane.

    W = I (x) lambda + 1 1^T (x) gamma with lambda and gamma of blocks [[a, b], [-b, a]], b = 0: one complex number
    each in the plane. Without the b it commutes with reflections too.

    Source: "Electrons in a Quantum Dot" (Fang and Mei), weight tying.

    Args:
        n: number of particles.
        dim: coordinates of a particle, even.
        noise: deviation of the first weights from the identity.
        reflections: whether the map commutes with reflections too, b = 0.

    Raises:
        InputError: `n` is not an integer of at least 1, or `dim` is odd.
    """

    def __init__(self, n: int, dim: int = 2, noise: float = 0.01, reflections: bool = False) -> None:
        super().__init__(n, check_even("dim", dim), noise)
        self.pairs, self.reflections = dim // 2, reflections
        del self.own, self.shared, self.offset
        rows = 1 if reflections else 2
        own, shared = noise * torch.randn(2, rows, self.pairs, self.pairs)
        own[0] += torch.eye(self.pairs)
        self.own, self.shared = nn.Parameter(own), nn.Parameter(shared / n)

    def matrices(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return lambda `(d, d)`, gamma `(d, d)` and C = 0 `(d,)`."""
        blocks = []
        for weight in (self.own, self.shared):
            imaginary = torch.zeros_like(weight[0]) if self.reflections else weight[1]
            blocks.append(rotation_block(weight[0], imaginary))
        return blocks[0], blocks[1], blocks[0].new_zeros(self.dim)
