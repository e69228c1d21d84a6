import os
import signal
import subprocess
import sys

import pytest

from physgen.core.stops import Stopped, heeded


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_becomes_one_exception(number, code):
    before = signal.getsignal(number)
    with pytest.raises(Stopped) as stopped, heeded():
        os.kill(os.getpid(), number)
        raise AssertionError("the signal was not heeded")
    assert stopped.value.code == code and signal.getsignal(number) is before
    assert not isinstance(stopped.value, (Exception, KeyboardInterrupt))


def test_a_held_signal_waits_until_it_is_asked_for():
    with heeded() as signals:
        signals.held = True
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGTERM)  # schedulers send it more than once
        assert signals.received == signal.SIGTERM
    assert signals.received is None  # what this process trains next is not stopped by it
    with heeded() as signals:
        assert signals.received is None and not signals.held


def test_signals_that_a_library_took_are_taken_back():
    with pytest.raises(Stopped), heeded() as signals:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signals.listen()
        os.kill(os.getpid(), signal.SIGTERM)


def test_a_second_interrupt_ends_the_process_at_once():
    code = (
        "import os, signal, time\nfrom physgen.core.stops import heeded\n"
        "with heeded() as signals:\n signals.held = True\n"
        " for _ in range(2): os.kill(os.getpid(), signal.SIGINT)\n time.sleep(60)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50)
    assert done.returncode == 130 and "Traceback" not in done.stderr
