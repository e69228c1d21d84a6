import json
from types import SimpleNamespace

import matplotlib.image
import pytest
import torch
from rich.console import Console

from physgen.callbacks import CostAhead, EnergyProgressBar, Figures, ResultWriter, panel
from physgen.callbacks.cost_ahead import spelt
from physgen.callbacks.result_writer import advice, headline
from physgen.cli import main
from physgen.models import GaussianBinaryRBM, MLPFlow
from physgen.observables.measurements import Measurements
from physgen.runs.result import Estimate, Result
from physgen.systems import ClassicalDot, QuantumDot
from physgen.systems.references import Reference


@pytest.mark.parametrize("model", ["GaussianBinaryRBM", "MLPFlow"])
def test_figures_are_drawn_with_something_in_them(model, tiny, tmp_path):
    main(tiny(model, tmp_path, "--figures true"))
    for name in ("training_curve", "radial_density", "g_of_r", "density_map"):
        image = matplotlib.image.imread(tmp_path / f"{name}.png")
        assert min(image.shape[:2]) > 300 and image[..., :3].std() > 0.05, name


def test_figures_without_data_are_left_out(tmp_path):
    model = MLPFlow(ClassicalDot(n=2), hidden=[8, 8])
    Figures(tmp_path).on_test_end(SimpleNamespace(), model)
    assert not list(tmp_path.iterdir())


def test_a_density_in_three_dimensions_is_drawn_against_the_radius(tmp_path):
    model = GaussianBinaryRBM(QuantumDot(n=2, dim=3), hidden=2)
    model.evaluated = torch.randn(5, 100, 2, 3)
    model.measurements = Measurements(model.system.space.observables())
    Figures(tmp_path).on_test_end(SimpleNamespace(), model)
    assert {p.name for p in tmp_path.iterdir()} == {"radial_density.png", "g_of_r.png", "structure.npz"}


def test_the_card_says_where_a_result_comes_from(tiny, tmp_path):
    main(tiny("MLPFlow", tmp_path, "--seed_everything 4 --evaluation.seed 9"))
    source = json.loads((tmp_path / "result.json").read_text())["provenance"]
    assert (source["seed"], source["evaluation_seed"], source["threads"]) == (4, 9, 1)
    assert source["command"] == f"python -m physgen fit --config {tmp_path / 'config.yaml'}"
    assert source["trained_precision"] == "float64" and source["torch"] == torch.__version__
    assert source["recipe"]["class_path"].endswith("MLPFlow") and source["train_seconds"] >= 0


def test_a_resumed_training_adds_up_its_time():
    card, other = ResultWriter("x"), ResultWriter("x")
    card.on_fit_start(None, None)
    card.on_fit_end(None, SimpleNamespace(device="cpu"))
    card.seconds, card.cpu_seconds = 5.0, 4.0
    other.load_state_dict(card.state_dict())
    other.on_fit_start(None, None)
    assert other.state_dict()["seconds"] > 5  # a second interruption must not lose the time since the first
    other.on_fit_end(None, SimpleNamespace(device="cpu"))
    assert 5 <= other.seconds < 6 and 4 <= other.cpu_seconds < 5


EXACT = Reference("energy", 3.0, 0.0, "exact", "physgen", True)


@pytest.mark.parametrize(
    "value, error, reference, words",
    [
        (3.0001, 0.0002, EXACT, "E = 3.0001(2), exact 3: +0.0001 (+0.5 sigma"),
        (3.5, 0.1, Reference("energy", 3.25, 0.5, "DMC", "paper", False), "E = 3.50(10), DMC 3.2(5): +0.25"),
        (3.5, 0.1, None, "E = 3.50(10), no reference known"),
    ],
)
def test_the_headline_is_one_line_beside_its_reference(value, error, reference, words):
    result = Result("energy", {"energy": Estimate(value, error)}, reference=reference)
    assert headline(result, "E").startswith(words)


def test_the_panel_shows_alarm_and_advice(tmp_path):
    model = GaussianBinaryRBM(QuantumDot(n=2), hidden=2)
    source = {"model": "GaussianBinaryRBM", "system": model.system.label, "parameters": 15}
    result = Result("energy", {"energy": Estimate(2.9, 0.001)}, {"rhat": 1.0}, ["a note"], EXACT, source)
    console = Console(record=True, width=150)
    console.print(panel(result, model))
    shown = console.export_text()
    assert "ALARM" in shown and "a note" in shown and "15 parameters" in shown and "2.9000(10)" in shown


def test_advice_follows_what_the_result_shows():
    def found(value, rhat=1.0):
        return advice(Result("energy", {"energy": Estimate(value, 1e-3)}, {"rhat": rhat}, reference=EXACT), "fit THIS")

    assert ": fit THIS --" in found(3.0) and advice(Result("energy", {"energy": Estimate(3.0, 1e-3)}), None) is None
    assert "warm_up" in found(3.0, rhat=1.5) and "train longer" in found(3.5) and "another seed" in found(3.0)


def test_the_progress_text_has_the_error_in_brackets_and_the_reference():
    model, trainer = GaussianBinaryRBM(QuantumDot(n=2), hidden=2), SimpleNamespace(callback_metrics={})
    assert EnergyProgressBar().get_metrics(trainer, model) == {}
    model.latest, model.latest_errors = {"energy": 3.0001}, {"energy": 0.0002}
    shown = {"E": "3.0001(2)", "exact": "3"}
    assert EnergyProgressBar().get_metrics(trainer, model) == shown
    trainer.callback_metrics = {"val/negative_log_likelihood": torch.tensor(2.5), "train/energy": torch.tensor(3.0)}
    assert EnergyProgressBar().get_metrics(trainer, model) == {**shown, "val negative_log_likelihood": "2.5"}


def test_the_progress_bar_runs(tiny, tmp_path, capsys):
    main(tiny("GaussianBinaryRBM", tmp_path, "--trainer.enable_progress_bar true"))
    assert (tmp_path / "result.json").is_file()


def test_a_long_training_says_what_it_will_cost(capsys):
    """Ten epochs of eight iterations, four of them done: 76 are left."""
    trainer = SimpleNamespace(max_epochs=10, current_epoch=0, num_training_batches=8)
    model = SimpleNamespace(device=torch.device("cpu"))
    for least, words in ((1e9, ""), (0.0, "76 iterations take about 0 s")):
        said = CostAhead(iterations=3, least=least)
        said.on_train_start(trainer, model)
        for _ in range(8):
            said.on_train_batch_end(trainer, model, None, None, 0)
        out = capsys.readouterr().out
        assert words in out and out.count("\n") == bool(words)
        assert not words or "MiB of memory" in out


def test_times_are_spelt():
    assert [spelt(s) for s in (59.6, 600, 7200)] == ["60 s", "10 min", "2.0 h"]
