import errno
import math

import pytest

from physgen.runs.metrics_file import MetricsFile, append, read_metrics, rows_until, write_metrics

ROWS = [{"train/energy": 0.1 * i, "epoch": i // 3, "step": 2 * i} for i in range(1, 6)]


@pytest.fixture
def folder(tmp_path):
    write_metrics(tmp_path, ROWS)
    return tmp_path


def test_rows_are_read_as_they_were_written(folder):
    assert read_metrics(folder) == ROWS and read_metrics(folder / "nowhere") == []
    assert rows_until(folder, 10) == ROWS and rows_until(folder, 7) == ROWS[:3]
    assert all(isinstance(row["step"], int) for row in read_metrics(folder))


def test_a_new_column_comes_to_the_earlier_rows(tmp_path):
    file = MetricsFile(tmp_path, [])
    assert not (tmp_path / "metrics.csv").exists()
    for row in ROWS[:2]:
        file.append(row)
    file.append({"train/undone": 1, "step": 4})
    file.append({"train/energy": math.nan, "train/x": math.inf, "step": 6})
    assert read_metrics(tmp_path)[:3] == [*ROWS[:2], {"train/undone": 1, "step": 4}]
    assert (tmp_path / "metrics.csv").read_text().splitlines() == [
        "train/energy,epoch,step,train/undone,train/x",
        "0.1,0,2,,",
        "0.2,0,4,,",
        ",,4,1,",
        "nan,,6,,inf",
    ]


def cut(content):
    return content[:-4]


@pytest.mark.parametrize(
    ("damage", "kept", "named"),
    [
        (cut, ROWS[:4], "row 6 is damaged"),
        (lambda b: b[:-1], ROWS[:4], "row 6 is damaged"),  # the number may go on
        (lambda b: b.replace(b"0.2,", b"0.\xff,"), [ROWS[0], *ROWS[2:]], "row 3 is damaged"),
        (lambda b: b.replace(b"0.2,0,4", b"\0" * 7), [ROWS[0], *ROWS[2:]], "row 3 is damaged"),
        (lambda b: b.replace(b"0.2,0,4", b"0.2,0,"), [ROWS[0], *ROWS[2:]], "row 3 is damaged"),
        (lambda b: b.replace(b"0.2,0,4", b"0.2,4"), [ROWS[0], *ROWS[2:]], "row 3 is damaged"),
        (lambda b: b.replace(b"0.2,0,4\n", b"\n"), [ROWS[0], *ROWS[2:]], "row 3 is damaged"),
        (lambda b: b.replace(b"0.2,0,4\n", b"1.2e-,0,4\n"), [ROWS[0], *ROWS[2:]], "row 3 is damaged"),
        (
            lambda b: b.replace(b"train/", b"tr\x9bin/"),
            [{k: r[k] for k in ("epoch", "step")} for r in ROWS],
            "row 1 is",
        ),
        (lambda b: b.replace(b"step", b"st\0p"), [], "rows 1, 2, 3, 4, 5, ... are damaged"),
        (lambda b: b"\0" * len(b), [], "row 1 is damaged"),
        (lambda b: b[: len(b) // 2], ROWS[:2], "holds no rows of the iterations 5 to 10"),
        (lambda b: b"", [], "holds no rows of the iterations 1 to 10"),
    ],
)
def test_damaged_rows_are_named_and_the_others_kept(folder, damage, kept, named, caplog):
    path = folder / "metrics.csv"
    path.write_bytes(damage(path.read_bytes()))
    rows = rows_until(folder, 10)
    assert rows == kept
    assert named in caplog.text and str(path) in caplog.text


def test_a_missing_file_is_said(tmp_path, caplog):
    assert rows_until(tmp_path, 10) == [] and "no rows of the iterations 1 to 10" in caplog.text


def test_rows_wait_while_the_disk_is_full(tmp_path, monkeypatch, caplog):
    file = MetricsFile(tmp_path, [])
    file.append(ROWS[0])

    def full(path, lines, size):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr("physgen.runs.metrics_file.append", full)
        for row in ROWS[1:3]:
            file.append(row)
        assert not file.sync() and read_metrics(tmp_path) == ROWS[:1]
    assert caplog.text.count("No space left on device") == 1
    file.append(ROWS[3])
    assert file.sync() and read_metrics(tmp_path) == ROWS[:4]


def test_a_half_row_does_not_stay(folder):
    """The limit of a file's size breaks a write in the middle, as a full disk does."""
    resource = pytest.importorskip("resource")
    path = folder / "metrics.csv"
    before, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 3, limits[1]))
    try:
        with pytest.raises(OSError) as raised:
            append(path, b"0.6,2,12\n", len(before))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert raised.value.filename == str(path) and path.read_bytes() == before
