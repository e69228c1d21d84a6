"""Parametric matrix models, which learn pairs (x, y)."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from physgen.core.errors import check, check_choice, check_integer, check_number, check_positive
from physgen.data.pairs import as_columns
from physgen.models.least_squares_pairs import LeastSquaresPairs
from physgen.models.matrix_forms import FORMS, matrices_of, refuse_idle

#: rows of a matrix, at most
LARGEST = 64


class Prediction(NamedTuple):
    """What the restarts say: their median and their spread, `(batch, outputs)` each."""

    value: Tensor
    spread: Tensor


class ParametricMatrixModel(LeastSquaresPairs):
    r"""Outputs as eigenvalues, phases or transitions of small trainable matrices; no density, it draws nothing.

    With features c(x) the forms are

    * `eigenvalues`: chosen eigenvalues of $\sum_k c_k M_k$, then expectation values in its ground state;
    * `unitary`: energies of a product of exponentials $\prod_l e^{-i x M_l}$ at the time step x, at x = 0 those of
      $\sum_l M_l$;
    * `transitions`: sums of squared matrix elements between eigenvectors, a regression of any function.

    The features are (1, x), each x brought to [-1, 1], or powers of positive x. All restarts are trained at
    once by damped least squares in float64, each is kept where its error on the validation pairs (on the training pairs
    without them) was least, and `predict` returns their median and spread. Restarts that ended ten times above the best
    are left out of both. The spread says how much the data leave open, not how far the truth is.

    Source: P. Cook, D. Jammooa, M. Hjorth-Jensen, D. D. Lee and D. Lee, "Parametric Matrix Models", arXiv:2401.11694.

        >>> model = ParametricMatrixModel(levels=[0], size=2, powers=[1.0, 0.5])
        >>> omega, energy = [0.1, 0.28, 0.5, 1.0], [0.44079, 1.02164, 1.65977, 3.0]
        >>> model.fit(Pairs(omega, energy)).predict([10.0]).value  # doctest: +SKIP

    Args:
        form: one of `eigenvalues`, `unitary`, `transitions`.
        inputs: number of x.
        size: rows of the matrices.
        restarts: copies with other first values.
        powers: exponents p of the features x^p of every x, without the constant; None for 1 and every x.
        levels: numbers of the eigenvalues that are outputs, from below.
        observables: further outputs, expectation values in the ground state.
        outputs: number of outputs of `transitions`.
        vectors: eigenvectors that `transitions` takes.
        factors: exponentials of `unitary`.
        imaginary: whether the matrices are complex; those of `unitary` always are.
        slope: first size of the matrices of x in units of that of the constant, above 1 for outputs that vary fast.
        relative: whether errors are measured in units of y, which must then not vanish.
        steps: steps of a training by `fit`.
        seed: of the first values.

    Raises:
        InputError: an argument out of its range, or one without an effect on the form.
    """

    def __init__(
        self,
        form: str = "eigenvalues",
        inputs: int = 1,
        size: int = 5,
        restarts: int = 8,
        powers: Sequence[float] | None = None,
        levels: Sequence[int] = (0,),
        observables: int = 0,
        outputs: int = 1,
        vectors: int = 3,
        factors: int = 2,
        imaginary: bool = True,
        slope: float = 1.0,
        relative: bool = False,
        steps: int = 100,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.automatic_optimization = False
        self.form = check_choice("form", form, FORMS)
        self.inputs = check_integer("inputs", inputs, 1)
        check_integer("size", size, 1, LARGEST)
        check_integer("restarts", restarts, 1)
        self.steps = check_integer("steps", steps, 1)
        refuse_idle(form, observables=observables, outputs=outputs, vectors=vectors, factors=factors, powers=powers)
        levels = tuple(check_integer("levels", level, 0, size - 1) for level in levels)
        self.powers = None if powers is None else tuple(check_number("powers", p) for p in powers)
        check(powers is None or len(powers) > 0, "powers", powers, "some numbers")
        self.relative = relative
        constant = form != "unitary" and powers is None
        check(constant or slope == 1, "slope", slope, "1 where no feature is constant")
        count = inputs + 1 if powers is None else inputs * len(powers)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(check_integer("seed", seed, 0))
            sizes = (levels, observables, outputs, vectors, factors, imaginary, restarts, size)
            self.net = matrices_of(form, count, *sizes).double().steeper(check_positive("slope", slope))
        #: the restarts where their error was least
        self.kept = copy.deepcopy(self.net).requires_grad_(False)
        width = outputs if form == "transitions" else len(levels) + observables
        self.register_buffer("error", torch.full((restarts,), torch.inf, dtype=torch.float64))
        self.set_units(inputs, width, energies=0 if form == "transitions" else len(levels))

    # ---- the function

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs of all restarts `(R, batch, outputs)` at inputs `(batch, inputs)`, float64."""
        outputs: Tensor = self.kept(self.features(x))
        return self.shift + self.scale * outputs

    def predict(self, x: Any) -> Prediction:
        """Return median and spread over restarts of the outputs at inputs `(batch, inputs)` or `(batch,)`.

        The spread is 1.4826 times the median absolute deviation, one standard deviation of normal numbers.

        Raises:
            InputError: other than finite numbers, or another number of inputs.
        """
        with torch.no_grad():
            found = self(self.checked("x", x))
        good = found[self.error <= 10 * self.error.min() + 1e-13] if bool(self.error.isfinite().any()) else found
        value = good.quantile(0.5, 0)
        return Prediction(value, 1.4826 * (good - value).abs().quantile(0.5, 0))

    def checked(self, name: str, values: Any) -> Tensor:
        """Return inputs as a tensor `(batch, inputs)`, or raise `InputError`."""
        found = as_columns(name, values)
        check(found.shape[1] == self.inputs, name, tuple(found.shape), f"of the shape (N, {self.inputs})")
        return found

    # ---- training

    def fit(self, data: Any, **trainer: Any) -> ParametricMatrixModel:
        """Train on a data module of pairs for `steps` steps, without logs; return the model.

        Args:
            data: such as `Pairs`.
            trainer: arguments of Lightning's Trainer.
        """
        from lightning import Trainer

        quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
        Trainer(**{"max_epochs": self.steps, "accelerator": "cpu", **quiet, **trainer}).fit(self, datamodule=data)
        return self

    def setup(self, stage: str) -> None:
        """Measure inputs and outputs of the training pairs, in units of which the matrices work."""
        data = getattr(self.trainer, "datamodule", None)
        if stage != "fit" or data is None:
            return
        x, y = (torch.cat(parts) for parts in zip(*data.train_dataloader(), strict=True))
        self.checked("x", x)
        check(y.shape[1] == len(self.scale), "y", tuple(y.shape), f"of the shape (N, {len(self.scale)})")
        check(not self.relative or bool((y != 0).all()), "y", 0, "not zero where errors are relative")
        self.measure(x, y)

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        """Log the mean and the largest error of the prediction, in units of the largest |y|, and the mean spread."""
        x, y = batch
        found = self.predict(x)
        error, largest = (found.value - y).abs(), y.abs().max()
        values = {"error": error.mean(), "largest_error": error.max(), "spread": found.spread.mean()}
        self.log_dict({f"test/{k}": v / largest for k, v in values.items()}, batch_size=len(x))
