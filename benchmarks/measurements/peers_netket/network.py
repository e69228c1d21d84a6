"""physgen's NeuralBackflow written in JAX, so that NetKet can train the same function with the same parameters."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from physgen.models import NeuralBackflow

Array = jax.Array


def parameters_of(model: NeuralBackflow) -> dict[str, Any]:
    """Return the parameters of a physgen model as those of `JaxBackflow`."""
    return {"params": {k.replace(".", "_"): jnp.asarray(p.detach().numpy()) for k, p in model.net.state_dict().items()}}


def smooth_features(u: Array) -> Array:
    """Return u/q and q - 1, q = sqrt(1 + |u|^2)."""
    q = jnp.sqrt(1 + jnp.sum(u * u, -1, keepdims=True))
    return jnp.concatenate([u / q, q - 1], -1)


def oscillator(x: Array, powers: np.ndarray) -> Array:
    """Return products of h_k = H_k/sqrt(2^k k!) `(*, orbitals)` of `x` `(*, dim)` by powers `(dim, orbitals)`."""
    table = [jnp.ones_like(x), 2**0.5 * x]
    for k in range(1, powers.max()):
        table.append(x * table[k] * (2 / (k + 1)) ** 0.5 - (k / (k + 1)) ** 0.5 * table[k - 1])
    stacked = jnp.stack(table, -1)
    value = stacked[..., 0, powers[0]]
    for c in range(1, len(powers)):
        value = value * stacked[..., c, powers[c]]
    return value


def sign_and_log(a: Array) -> tuple[Array, Array]:
    """Return sign and ln|det|, in closed form for three rows as physgen does."""
    if a.shape[-1] != 3:
        return jnp.linalg.slogdet(a)
    r0, r1, r2 = (a[..., i, :] for i in range(3))
    det = (
        r0[..., 0] * (r1[..., 1] * r2[..., 2] - r1[..., 2] * r2[..., 1])
        - r0[..., 1] * (r1[..., 0] * r2[..., 2] - r1[..., 2] * r2[..., 0])
        + r0[..., 2] * (r1[..., 0] * r2[..., 1] - r1[..., 1] * r2[..., 0])
    )
    return jnp.sign(det), jnp.log(jnp.abs(det))


class JaxBackflow(nn.Module):
    """ln|psi| `(*)` of flat configurations `(*, n dim)`, for as many spins up as down.

    Args:
        n: electrons.
        dim: dimensions.
        layers: exchanges of messages.
        determinants: products of determinants.
        coupling: strength of the repulsion in units of length and energy.
        powers: of the orbitals of one spin, `(dim, n/2)`.
        shapes: of the parameters, by name.
    """

    n: int
    dim: int
    layers: int
    determinants: int
    coupling: float
    powers: tuple[tuple[int, ...], ...]
    shapes: tuple[tuple[str, tuple[int, ...]], ...]

    @classmethod
    def like(cls, model: NeuralBackflow) -> JaxBackflow:
        """Return the same network as that of a physgen model with Pade-Jastrow factor and tanh."""
        net, system = model.net, model.system
        powers = tuple(tuple(row) for row in net.orbitals.shells[0].powers.tolist())
        shapes = tuple((k.replace(".", "_"), tuple(p.shape)) for k, p in net.state_dict().items())
        layers = len(net.body.own)
        return cls(system.n, system.dim, layers, net.orbitals.copies, model.scaled_coupling, powers, shapes)

    @nn.compact
    def __call__(self, flat: Array) -> Array:
        """Return ln|psi|."""
        p = {name: self.param(name, nn.initializers.normal(), shape, flat.dtype) for name, shape in self.shapes}
        n, half = self.n, self.n // 2
        x = flat.reshape(*flat.shape[:-1], n, self.dim)
        spins = (slice(0, half), slice(half, n))
        like = (np.arange(n)[:, None] < half) == (np.arange(n) < half)

        h = jnp.tanh(smooth_features(x) @ p["body_embed"].T)
        g = smooth_features(x[..., :, None, :] - x[..., None, :, :]) @ p["body_embed_pair"].T
        g = jnp.tanh(g + p["body_pair_bias"][like.astype(int)])
        for layer in range(self.layers):
            received = h @ p[f"body_own_{layer}"].T + p[f"body_bias_{layer}"]
            message, pair_message = p[f"body_message_{layer}"], p[f"body_pair_message_{layer}"]
            means = [h[..., s, :].mean(-2, keepdims=True) for s in spins]
            parts = []
            for a, rows in enumerate(spins):
                part = received[..., rows, :]
                for b, columns in enumerate(spins):
                    near = g[..., rows, columns, :].mean(-2)
                    part = part + means[b] @ message[int(a != b)].T + near @ pair_message[int(a != b)].T
                parts.append(part)
            h = jnp.tanh(jnp.concatenate(parts, -2)) + h
            if layer < self.layers - 1:
                g = jnp.tanh(g @ p[f"body_pair_{layer}"].T + p[f"body_pair_shift_{layer}"]) + g

        sign, logs = 1.0, 0.0
        for rows in spins:
            change = h[..., rows, :] @ p["correction_0"].T
            change = jnp.swapaxes(change.reshape(*change.shape[:-1], self.determinants, half), -2, -3)
            matrix = change + oscillator(x[..., rows, :], np.array(self.powers))[..., None, :, :]
            s, log = sign_and_log(matrix)
            sign, logs = sign * s, logs + log
        top = logs.max(-1, keepdims=True)
        value = jnp.log(jnp.abs(jnp.sum(p["weights"] * sign * jnp.exp(logs - top), -1))) + top[..., 0]
        hidden = jnp.tanh(h @ p["hidden"].T + p["hidden_bias"])
        value = value + (hidden @ p["readout"].T).sum((-1, -2))
        value = value - 0.5 * jnp.exp(p["log_alpha"]) * jnp.sum(x * x, (-1, -2))
        return value + self.jastrow(x, p["jastrow_raw"], like)

    def jastrow(self, x: Array, raw: Array, like: np.ndarray) -> Array:
        """Return the Pade-Jastrow factor with its cusps."""
        i, j = np.triu_indices(self.n, 1)
        parallel = like[i, j].astype(int)
        difference = x[..., i, :] - x[..., j, :]
        r = jnp.sqrt(jnp.sum(difference * difference, -1))
        cusp = (self.coupling / np.where(parallel, self.dim + 1, self.dim - 1)).astype(x.dtype)
        return jnp.sum(cusp * r / (1 + nn.softplus(raw)[parallel] * r), -1)
