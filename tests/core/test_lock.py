import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from physgen.core import lock as module
from physgen.core.errors import InputError
from physgen.core.lock import NAME, Held, Lock, lock, locks_released
from physgen.runs.folder import open_run_folder

HOLDER = (
    "import sys, time\nfrom pathlib import Path\nfrom physgen.core.lock import Lock\n"
    "held = Lock(Path(sys.argv[1]))\nprint('locked', flush=True)\ntime.sleep(60)"
)


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "locked\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.parametrize("flock", [True, False])
def test_a_second_process_is_refused_until_the_first_is_gone(tmp_path, holder, flock, monkeypatch):
    if not flock:
        monkeypatch.setattr(module, "fcntl", None)  # as on a file system without locks
    with pytest.raises(InputError, match=rf"run_folder {tmp_path} is in use by process {holder.pid} on ") as refused:
        open_run_folder(tmp_path, "", "")
    assert "\n" not in str(refused.value)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / NAME).exists()
    with locks_released():
        open_run_folder(tmp_path, "", "")
        open_run_folder(tmp_path, "", "")  # this process has it already
        assert json.loads((tmp_path / NAME).read_text())["process"] == os.getpid()
    assert not (tmp_path / NAME).exists()


def test_ranks_share_the_lock_of_the_first(tmp_path, holder, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert open_run_folder(tmp_path, "", "").path == tmp_path


def test_a_number_that_is_used_again_holds_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "fcntl", None)
    own = Lock(tmp_path)
    text = json.dumps({**own.own, "started": "1"})
    own.release()
    (tmp_path / NAME).write_text(text)
    Lock(tmp_path).release()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"process": "x"}', "\0" * 50])
def test_a_lock_that_nobody_wrote_holds_nothing(tmp_path, content):
    (tmp_path / NAME).write_text(content)
    with locks_released():
        lock(tmp_path)


def test_another_machine_holds_it_while_it_gives_signs_of_life(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 1.0)
    monkeypatch.setattr(module, "BEAT", 0.5)
    path, ended = tmp_path / NAME, threading.Event()
    path.write_text(json.dumps({"process": 7, "machine": "elsewhere", "time": "noon", "started": "1"}))

    def beat():
        while not ended.wait(0.05):
            os.utime(path)

    living = threading.Thread(target=beat)
    living.start()
    with pytest.raises(Held, match="process 7 on elsewhere since noon"):
        Lock(tmp_path)
    ended.set()
    living.join()
    begin = time.monotonic()
    Lock(tmp_path).release()
    assert time.monotonic() - begin >= 1.0
