import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import wandb

from physgen.callbacks.wandb_logger import GuardedWandbLogger, wandb_mode
from physgen.cli import main
from physgen.runs.result import Result

ROOT = Path(__file__).parents[2]


pytestmark = pytest.mark.usefixtures("no_service_left_behind")


def inspect(folder, *options):
    """Read the run back with W&B's own command."""
    program = shutil.which("wandb", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    (file,) = (folder / "wandb").glob("offline-run-*/*.wandb")
    command = [program, "leet", "inspect", *options, "--json", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def rows(folder):
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_two_offline_runs_in_one_process_are_closed_and_stay_apart(tiny, tmp_path):
    for name, model in (("a", "GaussianBinaryRBM"), ("b", "MLPFlow")):
        main(tiny(model, tmp_path / name, "--wandb offline --figures true --seed_everything 3 --trainer.max_epochs 2"))
        assert wandb.run is None
    for name, model, quantity in (("a", "GaussianBinaryRBM", "energy"), ("b", "MLPFlow", "free_energy")):
        result = Result.read(tmp_path / name / "result.json")
        records = [json.loads(line) for line in inspect(tmp_path / name).splitlines()]
        history = [r["history"]["item"] for r in records if r["type"] == "history"]
        written = [
            (int(r["step"]), float(r[f"train/{quantity}"])) for r in rows(tmp_path / name) if r[f"train/{quantity}"]
        ]
        seen = [(i["trainer/global_step"], i[f"train/{quantity}"]) for i in history if f"train/{quantity}" in i]
        assert seen == written and [step for step, _ in seen] == [2, 4, 6, 8]
        (run,) = (r["run"] for r in records if r["type"] == "run")
        assert run["run_group"] == result.provenance["system"]
        found = json.loads(inspect(tmp_path / name, "--summary"))
        assert found["state"] == "finished" and found["exit_code"] == 0
        config = found["config"]
        assert (config["model_class"], config["precision"], config["seed"]) == (model, "64-true", 3)
        assert (
            config["parameters"] == result.provenance["parameters"] and config["system"] == result.provenance["system"]
        )
        summary = found["summary"]
        assert summary[quantity] == result.headline.value and summary[f"{quantity}_error"] == result.headline.error
        assert summary["reference"] == pytest.approx(result.reference.value)
        assert {k for k, v in summary.items() if isinstance(v, dict) and v.get("_type") == "image-file"} == {
            "density_map", "g_of_r", "radial_density", "training_curve"}  # fmt: skip


def test_a_failed_training_closes_its_run(tiny, tmp_path, monkeypatch):
    from physgen.models import MLPFlow

    def fail(*_):
        raise ZeroDivisionError

    monkeypatch.setattr(MLPFlow, "training_step", fail)
    with pytest.raises(ZeroDivisionError):
        main(tiny("MLPFlow", tmp_path, "--wandb offline"))
    assert wandb.run is None
    assert json.loads(inspect(tmp_path, "--summary"))["state"] != "running"


@pytest.mark.parametrize("when", ["init", "log", "finish", "summary"])
def test_a_failing_wandb_leaves_the_record_whole(when, tiny, tmp_path, monkeypatch, caplog):
    def fail(*_, **__):
        raise ConnectionError("no service")

    if when == "init":
        monkeypatch.setattr(wandb, "init", fail)
    if when == "finish":
        monkeypatch.setattr(wandb, "finish", fail)
    if when == "summary":
        monkeypatch.setattr(GuardedWandbLogger, "_summarise", fail)
    if when == "log":
        monkeypatch.setattr(wandb.Run, "log", fail)
    main(tiny("GaussianBinaryRBM", tmp_path, "--wandb offline --trainer.max_epochs 2"))
    assert wandb.run is None
    assert [r["step"] for r in rows(tmp_path)] == ["2", "4", "6", "8", "8"]
    assert Result.read(tmp_path / "result.json").provenance["iterations"] == 8
    assert caplog.text.count("W&B stopped (ConnectionError)") == 1


def service_of(pid):
    """Return the process of W&B's service below `pid`, None if there is none."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rsplit(")", 1)
            name, parent = fields[0].split("(", 1)[1], int(fields[1].split()[1])
        except OSError:
            continue
        if parent == pid and name.startswith("wandb-core"):
            return int(folder.name)
    return None


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="needs /proc")
def test_a_service_that_dies_in_mid_run_leaves_the_record_whole(tiny, tmp_path):
    arguments = tiny("MLPFlow", tmp_path, "--wandb offline --trainer.max_epochs 60")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    environment.pop("WANDB_SERVICE", None)  # it shall start a service of its own
    process = subprocess.Popen([sys.executable, "-m", "physgen", *arguments], env=environment,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while not (tmp_path / "checkpoints" / "00003.ckpt").exists() and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.002)
        service = service_of(process.pid)
        assert service is not None
        os.kill(service, signal.SIGKILL)
        _, said = process.communicate(timeout=90)
    finally:
        process.kill()
    assert process.returncode == 0, said
    assert "Traceback" not in said
    assert [int(r["step"]) for r in rows(tmp_path)] == [*range(2, 241, 2), 240]
    assert Result.read(tmp_path / "result.json").provenance["iterations"] == 240


def test_without_an_account_the_mode_is_offline(monkeypatch):
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.setattr(wandb, "login", lambda **_: (_ for _ in ()).throw(wandb.errors.UsageError("no key")))
    assert wandb_mode("auto") == "offline"
    assert [wandb_mode(m) for m in ("off", "online", "offline")] == ["off", "online", "offline"]
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert wandb_mode("auto") == "disabled"


@pytest.mark.skipif(sys.platform == "win32", reason="has no pseudo terminals")
def test_a_new_user_at_a_terminal_is_not_asked_for_an_account(tmp_path):
    import pty

    outer, inner = pty.openpty()
    kept = {k: v for k, v in os.environ.items() if not k.startswith("WANDB") and k != "NETRC"}
    code = "from physgen.callbacks.wandb_logger import wandb_mode; print(wandb_mode('auto'))"
    places = {"HOME": str(tmp_path), "WANDB_CONFIG_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=inner, stdout=inner, stderr=inner, env={**kept, **places}, cwd=tmp_path
    )
    os.close(inner)
    said = b""
    try:
        process.wait(timeout=60)  # a question would wait for ever
        said = os.read(outer, 10_000)
    finally:
        process.kill()
        os.close(outer)
    assert process.returncode == 0 and said.decode().strip() == "offline", said
