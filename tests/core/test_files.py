import errno
import os
import stat
import subprocess
import sys

import pytest

from physgen.core.files import clear_left_over, copy_file, reason, write_text, writing


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_a_file_takes_its_place_whole(tmp_path):
    path = tmp_path / "a.txt"
    for text in ("first", "second ö"):
        write_text(path, text)
        assert path.read_text(encoding="utf-8") == text and names(tmp_path) == ["a.txt"]
    copy_file(path, tmp_path / "b.txt")
    assert (tmp_path / "b.txt").read_bytes() == path.read_bytes()
    with open(tmp_path / "usual", "w"):
        pass
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "usual").stat().st_mode)


@pytest.mark.parametrize("kind", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt(), ValueError()])
def test_what_fails_half_way_leaves_the_old_file(tmp_path, kind):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(type(kind)) as raised, writing(path) as file:
        file.write(b"new")
        raise kind
    assert path.read_text() == "old" and names(tmp_path) == ["a.txt"]
    if isinstance(kind, OSError):
        assert reason(raised.value) == f"{path}: No space left on device"


def test_the_target_of_a_link_is_written(tmp_path):
    (tmp_path / "far").mkdir()
    (tmp_path / "near").symlink_to(tmp_path / "far" / "a.txt")
    write_text(tmp_path / "near", "x")
    assert (tmp_path / "near").is_symlink() and (tmp_path / "far" / "a.txt").read_text() == "x"


def test_what_a_killed_process_left_goes_and_what_is_being_written_stays(tmp_path):
    code = (
        "import os, sys\nfrom physgen.core.files import writing\n"
        "with writing(sys.argv[1]) as file:\n file.write(b'half')\n file.flush()\n os.kill(os.getpid(), 9)"
    )
    path = tmp_path / "a.txt"
    subprocess.run([sys.executable, "-c", code, str(path)], check=False, env=os.environ)
    assert len(names(tmp_path)) == 1 and names(tmp_path)[0].startswith(".a.txt.")
    (tmp_path / "other.part").touch()
    with writing(tmp_path / "b.txt"):
        clear_left_over(tmp_path)  # the folder is swept while this process writes
        assert len(names(tmp_path)) == 2 and not any(n.startswith(".a.txt") for n in names(tmp_path))
    assert names(tmp_path) == ["b.txt", "other.part"]


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError) as raised:
        write_text(tmp_path / "no" / "a.txt", "x")
    assert str(tmp_path / "no" / "a.txt") in reason(raised.value)
