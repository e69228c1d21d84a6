from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def malformed():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[2]))
        from benchmarks.checks import malformed

        yield malformed


def test_malformed_calls_end_with_one_line_that_names_the_argument(malformed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    faults = {str(case.argv): malformed.judge(case) for case in malformed.cases(25, 11, tmp_path / "configs")}
    assert {k: v for k, v in faults.items() if v} == {}
    left = {p.name for p in tmp_path.rglob("*") if p.suffix in (".json", ".csv", ".ckpt")}
    assert left == {"text.ckpt"}, "nothing may be trained"


def test_the_same_seed_gives_the_same_calls(malformed, tmp_path):
    first, second = (list(malformed.cases(40, 3, tmp_path)) for _ in range(2))
    assert first == second != list(malformed.cases(40, 4, tmp_path))


@pytest.mark.parametrize("base", ["RBM", "FLOW"])
def test_the_configs_are_sound_before_they_are_spoiled(base, malformed, tmp_path):
    config = malformed.whole(getattr(malformed, base))
    (tmp_path / "good.yaml").write_text(malformed.text(config, tmp_path))
    assert malformed.judge(malformed.Case(["fit", "--config", str(tmp_path / "good.yaml")], "x")) == "no error"


def test_calls_spoiled_at_random_end_without_traceback(malformed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PHYSGEN_CACHE", str(tmp_path / "cache"))
    good = malformed.text(malformed.whole(malformed.RBM), tmp_path)
    faults = {str(case): malformed.answer(case) for case in malformed.spoiled(25, 2, tmp_path / "spoiled", good)}
    assert {k: v for k, v in faults.items() if v} == {}
