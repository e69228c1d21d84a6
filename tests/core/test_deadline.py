import threading

import pytest

from physgen.core.deadline import within


def test_a_call_in_time_gives_its_answer_or_its_error():
    assert within(60, lambda: 3) == 3
    assert within(60, lambda: None) is None
    with pytest.raises(ZeroDivisionError):
        within(60, lambda: 1 / 0)
    with pytest.raises(SystemExit):
        within(60, lambda: exit(2))


def test_a_call_out_of_time_is_left_behind():
    ended = threading.Event()
    with pytest.raises(TimeoutError, match="no answer within 0.01 s"):
        within(0.01, lambda: ended.wait(60))
    ended.set()
