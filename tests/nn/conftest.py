import pytest
import torch


@pytest.fixture
def by_differences():
    """Gradient `(batch, n, dim)` and Laplacian `(batch,)` by central differences of sixth order."""

    def derivatives(function, x, step=1e-2):
        first = {1: 3 / 4, 2: -3 / 20, 3: 1 / 60}
        second = {0: -49 / 18, 1: 3 / 2, 2: -3 / 20, 3: 1 / 90}
        with torch.no_grad():
            gradient, laplacian = torch.zeros_like(x), second[0] * x[0].numel() * function(x)
            for i in range(x.shape[1]):
                for j in range(x.shape[2]):
                    for k in (1, 2, 3):
                        shift = torch.zeros_like(x)
                        shift[:, i, j] = k * step
                        above, below = function(x + shift), function(x - shift)
                        gradient[:, i, j] += first[k] * (above - below) / step
                        laplacian += second[k] * (above + below)
        return gradient, laplacian / step**2

    return derivatives
