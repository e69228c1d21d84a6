import itertools

import numpy as np

from physgen.nn.oscillator.jacobi_vectors import jacobi_vectors, permutation_matrices, transpositions


def test_relative_vectors_are_orthonormal_and_without_the_centre():
    for n in (2, 3, 5):
        vectors = jacobi_vectors(n)
        np.testing.assert_allclose(vectors @ vectors.T, np.eye(n - 1), atol=1e-14)
        np.testing.assert_allclose(vectors.sum(1), 0, atol=1e-14)


def test_permutations_turn_relative_vectors():
    n = 4
    z = np.random.default_rng(0).normal(size=(n, 2))
    vectors, (matrices, signs) = jacobi_vectors(n), permutation_matrices(n)
    for order, matrix in zip(itertools.permutations(range(n)), matrices, strict=True):
        np.testing.assert_allclose(vectors @ z[list(order)], matrix @ vectors @ z, atol=1e-13)
    assert signs.sum() == 0 and set(signs) == {1, -1}
    # exchanges of neighbours are among them, odd and their own inverse
    for matrix in transpositions(n):
        at = [i for i, other in enumerate(matrices) if np.allclose(matrix, other)]
        assert len(at) == 1 and signs[at[0]] == -1
        np.testing.assert_allclose(matrix @ matrix, np.eye(n - 1), atol=1e-13)
