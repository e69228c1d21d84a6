"""A script of a Lightning user runs as it stands, and its numbers are those of the result."""

import csv
import dataclasses
import runpy
from pathlib import Path

import pytest
import yaml

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "lightning_habits.py"


@pytest.fixture
def script(tmp_path, monkeypatch):
    """The script with a short training, in an empty folder."""
    from physgen.runs.evaluation import Evaluation
    from physgen.samplers import Metropolis

    small = {"samples": 1000, "batch": 100, "thin": 5, "warm_up": 100}
    defaults = tuple(small.get(field.name, field.default) for field in dataclasses.fields(Evaluation))
    monkeypatch.setattr(Evaluation.__init__, "__defaults__", defaults)
    monkeypatch.setattr(Metropolis.__init__.__wrapped__, "__defaults__", (64, 5, 50, 0.5))
    text = SCRIPT.read_text()
    assert len(text.splitlines()) <= 25
    short = tmp_path / "script.py"
    short.write_text(text.replace("max_epochs=20", "max_epochs=3, accelerator='cpu', enable_progress_bar=False"))
    monkeypatch.chdir(tmp_path)
    return short


@pytest.mark.filterwarnings("ignore:.*GPU available.*", "ignore:.*smaller than the logging interval.*")
def test_a_script_of_lightning_runs_as_it_stands(script):
    pytest.importorskip("tensorboardX")
    held = runpy.run_path(str(script))
    model, trainer, numbers = held["model"], held["trainer"], held["numbers"]
    tested = trainer.lightning_module
    result = tested.result
    assert {k: v.value for k, v in result.estimates.items()} == {k: numbers[f"test/{k}"] for k in result.estimates}
    assert result.headline.error == numbers["test/energy_error"] and abs(numbers["test/energy"] - 1.66) < 0.1
    assert trainer.callbacks and Path(held["best"].best_model_path).is_file()
    folder = Path(trainer.loggers[0].log_dir)
    with (folder / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert any(row["train/energy"] for row in rows)
    assert float(next(row["test/energy"] for row in rows if row["test/energy"])) == numbers["test/energy"]
    heard = yaml.safe_load((folder / "hparams.yaml").read_text())
    assert heard["omega"] == 0.5 and heard["max_epochs"] == 3 and heard["model"] == type(model).__name__
    assert list(Path("own_run").rglob("events.out.tfevents.*"))
    rate = trainer.optimizers[0].param_groups[0]["lr"] if trainer.optimizers else None
    assert rate is None or rate < 0.01
