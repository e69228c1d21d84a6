"""Options in any order, and what was meant by those that nothing takes."""

import re
import shutil
import subprocess

import pytest
import yaml

from physgen.cli import tab_completion
from physgen.cli.option_names import ordered, parameters
from physgen.cli.short_help import SHOWN
from physgen.cli.verbs import VERBS, main
from physgen.core.environment import COUNTS
from physgen.core.near import MEANT_VERBS
from physgen.models import Model
from physgen.systems import QuantumDot

FILE = "configs/quantum-dot-2d-n2-omega1/rbm-jastrow.yaml"


@pytest.mark.parametrize(
    "given, meant",
    [
        ("a --x 1 --config F", "a --config F --x 1"),
        ("--m.n 1 --m A --m.s.k 2 --m.s B", "--m A --m.s B --m.n 1 --m.s.k 2"),
        ("--m.init_args.s.k=2 --m.init_args.s=B --m=A", "--m=A --m.init_args.s=B --m.init_args.s.k=2"),
        ("--t.c+=A --t.c.k=1 --t.c+=B -c F -c G", "-c F -c G --t.c+=A --t.c.k=1 --t.c+=B"),
        ("--m.n -1 --m A", "--m A --m.n -1"),
        ("--m.n 1 -- --m A", "--m.n 1 -- --m A"),
        ("--m.n", "--m.n"),
        ("", ""),
    ],
)  # fmt: skip
def test_configs_and_classes_come_first(given, meant):
    assert ordered(given.split(), "--m") == meant.split()


def printed(arguments, capsys):
    """Return the config that a call would run."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        main(["fit", *arguments.split(), "--print_config"])
    assert end.value.code in (0, None)
    shown = capsys.readouterr().out
    return yaml.safe_load(shown[shown.index("seed_everything") :])


def test_what_stands_on_the_command_line_wins_wherever_it_stands(capsys):
    first = printed(f"--trainer.max_epochs 3 --model.system.omega 0.5 --seed_everything 77 --config {FILE}", capsys)
    last = printed(f"--config {FILE} --trainer.max_epochs 3 --model.system.omega 0.5 --seed_everything 77", capsys)
    assert first == last and first["trainer"]["max_epochs"] == 3 and first["seed_everything"] == 77
    assert first["model"]["init_args"]["system"]["init_args"]["omega"] == 0.5


def test_options_of_a_model_may_stand_before_its_name(capsys):
    held = printed("--model.sampler.walkers 7 --model.system.n 2 --model.hidden 5 --model.system QuantumDot "
                   "--model.sampler MALA --model GaussianBinaryRBM", capsys)["model"]  # fmt: skip
    assert held["class_path"].endswith("GaussianBinaryRBM") and held["init_args"]["hidden"] == 5
    assert held["init_args"]["sampler"]["init_args"]["walkers"] == 7


@pytest.mark.parametrize(
    "arguments, meant",
    [
        ("train", "fit"),
        ("Evaluate x", "test"),
        ("validate", "test"),
        ("eval x", "test"),
        ("sample x", "predict"),
        ("tets", "test"),
        ("fit --trainer.max_epoch 3", "--trainer.max_epochs"),
        ("fit --model.hiden 3", "--model.hidden"),
        ("fit --model.sytem.omega 3", "--model.system.omega"),
        ("fit --omega 0.5", "--model.system.omega"),
        ("fit --system QuantumDot", "--model.system"),
        ("fit --lr 0.1", "--model.learning_rate"),
        ("fit --epochs 3", "--trainer.max_epochs"),
        ("fit --seed 3", "--seed_everything"),
        ("fit --modle MLPFlow", "--model"),
        ("fit --model NeuralBackflow --model.system.n 4", "--model.system QuantumDot"),
        ("fit --model MLPFlow --model.hidden [8]", "--model.system ClassicalDot"),
        ("fit --model MLPFlow --model.system ClassicalDot --model.system.bta 4", "--model.system.beta"),
        (f"fit --config {FILE} --model.sampler.walker 4", "--model.sampler.walkers"),
        ("test quantum-dot-2d-n2-omega1/rbm-jastrow --sampels 3", "--evaluation.samples"),
        ("sweep --seeds 1 --over model.hiden=1,2", "--model.hidden"),
        ("reference --system ClassicalDot --eror 3", "--error"),
        ("reference --beta 2 --system ClassicalDot", "--system.beta"),
        ("reference --system ClassicalDot --system.bta 2", "--system.beta"),
        ("reference --system ClassicalDot --walk 8", "--walkers"),
        ("reference --system.n 3", "--system ClassicalDot"),
        ("fit --trainer.max_ep 3", "--trainer.max_epochs"),
        ("compare a --output x", "--out"),
        ("help", "--help"),
        ("--hlep", "--help"),
        ("verify --alll", "--all"),
        ("compare a --outt x", "--out"),
    ],
)
def test_the_name_that_was_meant_is_said(arguments, meant, refused):
    said = refused(arguments.split(), meant)
    assert len(said) < 250


def test_options_of_callbacks_and_dotted_values_are_left_to_the_parser(capsys):
    more = "--trainer.callbacks+=EarlyStopping --trainer.callbacks.monitor=train/energy --trainer.callbacks.patience=2"
    assert printed(more, capsys)["trainer"]["callbacks"][0]["init_args"]["patience"] == 2


def test_verbs_that_others_use_mean_verbs_that_are_there():
    assert set(MEANT_VERBS.values()) <= set(VERBS) and not set(MEANT_VERBS) & set(VERBS)


def test_all_arguments_of_models_are_known():
    for kind in Model.registry.values():
        assert {"system", "steps_per_epoch"} <= parameters(kind), kind
    assert {"n", "dim", "omega"} <= parameters(QuantumDot)


@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize("value", ["x", "", "-1", "1.5", "²", "9" * 40])
def test_counts_of_the_environment_that_are_none_are_refused(name, value, refused, monkeypatch):
    monkeypatch.setenv(name, value)
    refused(["list"], name)


def test_a_random_seed_is_printed_and_recorded(tiny, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("PL_GLOBAL_SEED", raising=False)
    main(tiny("MLPFlow", tmp_path, "--seed_everything true"))
    shown = capsys.readouterr().out
    seed = yaml.safe_load((tmp_path / "config.yaml").read_text())["seed_everything"]
    assert type(seed) is int and f"seed_everything: {seed}, drawn at random" in shown
    assert f'"seed": {seed}' in (tmp_path / "result.json").read_text()


def test_a_random_seed_is_refused_where_ranks_would_draw_different_ones(tiny, tmp_path, refused, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    refused(tiny("MLPFlow", tmp_path, "--seed_everything true"), "seed_everything")


@pytest.mark.parametrize(("verb", "option"), {**dict.fromkeys(VERBS, "--help"), "list": "WORD", "show": "NAME",
    "publish": "FOLDER", "sweep": "--over", "compare": "--push", "reference": "--error", "verify": "--seconds",
    "completion": "SHELL", "fit": "--model",
    "test": "--evaluation.samples", "predict": "--evaluation.samples"}.items())  # fmt: skip
def test_every_verb_shows_its_own_options(verb, option, capsys):
    with pytest.raises(SystemExit) as end:
        main([verb, "--help"])
    shown = capsys.readouterr().out
    assert end.value.code in (0, None) and option in shown and f"python -m physgen {verb}" in shown


def help_of(arguments, capsys):
    with pytest.raises(SystemExit):
        main(arguments.split())
    return capsys.readouterr().out


@pytest.mark.parametrize("verb", SHOWN)
def test_help_is_one_screen_and_all_is_behind_it(verb, capsys):
    short, whole = help_of(f"{verb} --help", capsys), help_of(f"{verb} --help all", capsys)
    assert len(short.splitlines()) <= 32 and max(map(len, short.splitlines())) <= 80 and "--help all" in short
    assert verb != "fit" or ("--model.help NAME" in short and "--trainer.max_epochs" in short and "(20)" in short)
    options = {line.split()[0] for line in short.splitlines() if line.startswith("  --")}
    assert {name for name in options if not name.startswith("--model.")} <= set(re.findall(r"--[\w.]+", whole))
    assert "--trainer.plugins" in whole and "--trainer.plugins" not in short


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("list --quiet", "--quiet is not known"),
        ("show", "show needs NAME"),
        ("publish a b c", "unrecognized arguments: c"),
        ("index --hepl", "--hepl is not known; did you mean --help?"),
        ("fit --trainer.max_epoch 2", "--trainer.max_epoch is not known; did you mean --trainer.max_epochs?"),
        ("compare", "compare needs RUN"),
        ("completion fish", "shell must be one of 'bash', 'zsh', 'tcsh', got 'fish'"),
        ("compare a --wandb never", "wandb must be one of 'auto', 'online', 'offline', 'off', got 'never'"),
        ("verify --seconds x", "seconds must be float, got 'x'"),
        ("reference --system ClassicalDot --seed x", "seed must be int, got 'x'"),
        ("sweep --over", "--over"),
        ("sweep --seeds 1 --sed 2", "--sed"),
        ("fit --trainer.max_epochs many", "trainer.max_epochs must be int, got 'many'"),
    ],
)
def test_every_verb_refuses_arguments_in_one_style(arguments, words, refused):
    assert len(refused(arguments.split(), words)) < 250


def test_all_verbs_can_be_completed():
    parsers = tab_completion.of_all_verbs()._subcommands_action._name_parser_map
    assert set(parsers) == set(VERBS)
    held = {verb: set(parser._option_string_actions) for verb, parser in parsers.items()}
    assert "--trainer.max_epochs" in held["fit"] and "--push" in held["compare"] and "--over" in held["sweep"]
    (words,) = (action for action in parsers["show"]._actions if not action.option_strings)
    assert "quantum-dot-2d-n2-omega1/rbm-jastrow" in words.choices


def test_completion_without_its_package_is_refused(refused, monkeypatch):
    monkeypatch.setattr(tab_completion, "find_spec", lambda _: None)
    refused(["completion", "bash"], "pip install shtab")


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_a_shell_completes_verbs_options_and_names(capsys, tmp_path):
    pytest.importorskip("shtab")
    main(["completion", "bash"])
    (tmp_path / "script").write_text(capsys.readouterr().out)
    for line, meant in {
        "physgen refe": "reference",
        "physgen fit --trainer.max_epo": "--trainer.max_epochs",
        "physgen fit --model MLPF": "MLPFlow",
        "physgen fit --model.system.ome": "--model.system.omega",
        "physgen reference --system ClassicalD": "ClassicalDot",
        "physgen show quantum-dot-2d-n2-omega1/rbm-j": "quantum-dot-2d-n2-omega1/rbm-jastrow",
        "physgen fit --wandb offl": "offline",
    }.items():
        words = line.split()
        asked = f'COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _shtab_physgen; echo "${{COMPREPLY[*]}}"'
        done = subprocess.run(["bash", "-c", f"source {tmp_path / 'script'}; {asked}"], capture_output=True, text=True)
        assert done.stdout.split() == [meant], line
