import json
import os
import pickle
import random
import shutil
import zipfile

import pytest
import torch
import yaml

import physgen
from physgen.cli import main
from physgen.core.errors import InputError
from physgen.core.registry import rebuilding
from physgen.core.shipped import shipped
from physgen.models import Model, WavefunctionModel
from physgen.runs.folder import last_checkpoint
from physgen.runs.result import Result
from physgen.samplers import Sampler
from physgen.systems import System
from physgen.zoo import index, pretrained
from physgen.zoo.card import card

NAME = "classical-dot-n2-beta10/tiny-flow"


class Payload:
    """What leaves a file behind when it is unpickled."""

    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


@pytest.fixture
def zoo(tmp_path, monkeypatch):
    """A zoo of its own: empty checkpoints, and an index beside them."""
    folders = {"checkpoints": tmp_path / "checkpoints", "configs": shipped("configs")}
    folders["checkpoints"].mkdir()
    for module in (pretrained, index):
        monkeypatch.setattr(module, "shipped", folders.__getitem__)
    monkeypatch.setattr(index, "INDEX", tmp_path / "index.json")
    index.read_index.cache_clear()
    index.write_index()
    yield folders["checkpoints"]
    index.read_index.cache_clear()


@pytest.fixture(scope="module")
def trained(tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained") / "run"
    main(tiny("MLPFlow", folder))
    return folder


@pytest.fixture
def run(trained, tmp_path):
    """A run folder that a test may spoil."""
    return shutil.copytree(trained, tmp_path / "run")


@pytest.fixture
def checkpoint(run):
    """The contents of a sound checkpoint, and a place for a spoiled one."""
    return torch.load(last_checkpoint(run), weights_only=True), run.parent / "spoiled.ckpt"


def test_a_published_run_loads_by_name_and_draws_the_same(zoo, run, capsys):
    assert physgen.list_pretrained() == []
    main(["publish", str(run), NAME])
    assert physgen.list_pretrained() == [NAME] == physgen.list_pretrained("classical-*")
    assert physgen.list_pretrained("quantum-*") == []
    kept = {"weights.ckpt", "config.yaml", "result.json", "card.md", "metrics.csv"}
    assert {p.name for p in (zoo / NAME).iterdir()} == kept
    loaded, trained = physgen.load_pretrained(NAME), Model.load_from_checkpoint(last_checkpoint(run))
    draws = [m.sample(50, torch.Generator().manual_seed(3)) for m in (loaded, trained)]
    assert torch.equal(draws[0][0], draws[1][0]) and torch.equal(draws[0][1], draws[1][1])
    assert "optimizer_states" not in torch.load(zoo / NAME / "weights.ckpt", weights_only=True)
    main(["list", "pretrained", "tiny"])
    assert "tiny-flow" in capsys.readouterr().out
    held = Result.read(zoo / NAME / "result.json")
    assert (zoo / NAME / "card.md").read_text() == card(NAME, held) and str(held.headline) in card(NAME, held)
    main(["test", NAME, "--run_folder", str(run.parent / "again"), "--evaluation.samples=100", "--evaluation.batch=50",
          "--figures=false", "--trainer.enable_progress_bar=false"])  # fmt: skip
    assert Result.read(run.parent / "again" / "result.json").provenance["model"] == "MLPFlow"


@pytest.mark.parametrize(
    "name", ["classical-dot-n2-beta10", "other-system/tiny", "../classical-dot-n2-beta10/x", "a/b/c", "/"]
)
def test_names_that_are_no_entries_are_not_published(name, zoo, run):
    with pytest.raises(InputError, match="name must"):
        pretrained.publish(run, name)
    assert not list(zoo.iterdir())


@pytest.mark.parametrize("lost", ["config.yaml", "result.json", "checkpoints"])
def test_a_run_that_lacks_something_is_not_published(lost, zoo, run):
    shutil.rmtree(run / lost) if lost == "checkpoints" else (run / lost).unlink()
    with pytest.raises(InputError, match="run"):
        pretrained.publish(run, NAME)
    assert not list(zoo.iterdir())


def test_files_that_differ_from_the_index_are_refused(zoo, run):
    weights = pretrained.publish(run, NAME) / "weights.ckpt"
    with pytest.raises(InputError, match=f"did you mean {NAME}"):
        physgen.load_pretrained(NAME + "s")
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    with pytest.raises(InputError, match="sha256"):
        physgen.load_pretrained(NAME)
    weights.unlink()
    with pytest.raises(InputError, match="missing"):
        physgen.load_pretrained(NAME)


def refusal(file):
    with pytest.raises(InputError) as error:
        Model.load_from_checkpoint(file)
    assert "\n" not in str(error.value) and str(file) in str(error.value)
    assert len(str(error.value).replace(str(file), "")) < 160 and "weights_only" not in str(error.value)
    return str(error.value)


def test_a_newer_or_foreign_checkpoint_is_refused(checkpoint):
    held, file = checkpoint
    torch.save({**held, "physgen": {**held["physgen"], "format": 99}}, file)
    assert "newer" in refusal(file)
    torch.save({"state_dict": held["state_dict"], "epoch": 3}, file)
    assert "not written by physgen" in refusal(file)
    torch.save(held["state_dict"], file)
    assert "not written by physgen" in refusal(file)
    torch.save({**held, "state_dict": {"net": "weights"}}, file)
    assert "not written by physgen" in refusal(file)
    with pytest.raises(InputError, match="does not exist"):
        Model.load_from_checkpoint(file.with_name("nowhere.ckpt"))


@pytest.mark.parametrize(
    "foreign", ["os.system", "subprocess.Popen", "torch.nn.Linear", "builtins.eval", "no.such.Thing", ""]
)
def test_a_class_of_a_file_is_looked_up_and_never_imported(foreign, checkpoint):
    held, file = checkpoint
    torch.save({**held, "physgen": {**held["physgen"], "class_path": foreign}}, file)
    with pytest.raises(InputError, match="model must be one of"):
        Model.load_from_checkpoint(file)
    arguments = {**held["physgen"]["init_args"], "system": {"class_path": foreign, "init_args": {}}}
    torch.save({**held, "physgen": {**held["physgen"], "init_args": arguments}}, file)
    with pytest.raises(InputError, match="system must be one of"):
        Model.load_from_checkpoint(file)


def test_weights_of_another_size_are_refused(checkpoint):
    held, file = checkpoint
    arguments = held["physgen"]["init_args"]
    system = {**arguments["system"], "init_args": {**arguments["system"]["init_args"], "n": 3}}
    torch.save({**held, "physgen": {**held["physgen"], "init_args": {**arguments, "system": system}}}, file)
    assert "does not fit MLPFlow: net.layers.0.weight has the shape (8, 4), not (8, 6)" in refusal(file)
    first, *others = held["state_dict"]
    torch.save({**held, "state_dict": {k: held["state_dict"][k] for k in others}}, file)
    assert f"does not fit MLPFlow: {first} is missing" in refusal(file)
    torch.save({**held, "state_dict": {**held["state_dict"], "more": torch.zeros(1)}}, file)
    assert "does not fit MLPFlow: more is not known" in refusal(file)
    torch.save({**held, "physgen": {**held["physgen"], "init_args": {**arguments, "wdith": 3}}}, file)
    with pytest.raises(InputError, match="wdith"):
        Model.load_from_checkpoint(file)


def test_twenty_hostile_files_neither_run_nor_load(checkpoint, refused, tmp_path):
    held, file = checkpoint
    marker, draw = tmp_path / "ran", random.Random(1)
    sound, recipe, bomb = last_checkpoint(file.parent / "run").read_bytes(), held["physgen"], Payload(marker)

    def pickled(content):
        file.write_bytes(pickle.dumps(content))

    def inside(content):
        # a payload in the archive of torch, with a sound outside
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("spoiled/data.pkl", pickle.dumps(content))
            archive.writestr("spoiled/version", "3\n")
            archive.writestr("spoiled/byteorder", "little")

    hostile = [
        *[
            lambda p=p: torch.save(held, file, pickle_protocol=p) or file.write_bytes(file.read_bytes()[: 50 * p])
            for p in (2, 3)
        ],
        *[lambda s=s: file.write_bytes(sound[: int(s * len(sound))]) for s in (0.1, 0.5, 0.9, 0.999)],
        *[lambda v=v: torch.save(v, file) for v in (bomb, [bomb], {**held, "physgen": bomb}, {**held, "more": bomb})],
        *[lambda v=v: torch.save({**held, "state_dict": v}, file) for v in ({"net": bomb}, None, 3)],
        *[lambda v=v: pickled(v) for v in (bomb, {"physgen": recipe, "state_dict": bomb})],
        *[lambda v=v: inside(v) for v in (bomb, {"physgen": recipe, "state_dict": bomb})],
        lambda: file.write_bytes(b""),
        lambda: file.write_bytes(draw.randbytes(4000)),
        lambda: file.write_text("model: MLPFlow"),
    ]
    assert len(hostile) == 20
    said = []
    for make in hostile:
        make()
        said.append(refusal(file).replace(str(file), "").removeprefix("checkpoint  "))
        assert not marker.exists()
    assert said.count("holds code or foreign objects and was not read") == 5
    assert said.count("is damaged or no checkpoint and was not read") == 13
    assert said.count("was not written by physgen") == 2
    for verb in ("test", "predict"):
        refused([verb, str(file)], str(file))
    pickle.loads(pickle.dumps(bomb))  # the payload is in order
    assert marker.exists()


def test_the_committed_index_is_that_of_the_registry():
    index.read_index.cache_clear()
    assert index.read_index() == json.loads(json.dumps(index.build_index()))


@pytest.mark.parametrize(
    "name", physgen.list_pretrained() or [pytest.param(None, marks=pytest.mark.skip("no entries"))]
)
def test_every_entry_loads_and_says_the_truth(name):
    folder = shipped("checkpoints") / name
    model, result = physgen.load_pretrained(name), Result.read(folder / "result.json")
    with rebuilding():  # arguments that are younger than the entry have their defaults
        made = Model.of(result.provenance["recipe"])
    assert (folder / "card.md").read_text(encoding="utf-8") == card(name, result)
    assert (folder / "weights.ckpt").stat().st_size < pretrained.LARGEST
    assert name.split("/")[0] == model.system.label == result.provenance["system"]
    assert type(model).__name__ == result.provenance["model"] and made.spec() == model.spec()
    assert sum(p.numel() for p in model.parameters()) == result.provenance["parameters"]
    config = yaml.safe_load((folder / "config.yaml").read_text())["model"]
    assert Model.lookup(config["class_path"]) is type(model)
    assert System.of(config["init_args"]["system"]) == model.system
    references = [r for r in model.system.references() if r.quantity == result.quantity]
    assert (result.reference is None) == (not references)
    if references:
        assert result.reference.value == pytest.approx(references[0].value, rel=1e-9)
    if isinstance(model, WavefunctionModel):  # walkers need not forget their start here
        spec = model.sampler.spec()
        model.sampler = Sampler.of({**spec, "init_args": {**spec["init_args"], "warm_up_steps": 2, "steps": 1}})
    drawn = model.sample(4, torch.Generator().manual_seed(1))
    x = drawn if result.quantity == "energy" else drawn[0]
    assert x.shape == (4, *model.system.shape) and bool(x.isfinite().all())


def test_all_entries_together_are_small():
    assert sum(p.stat().st_size for p in shipped("checkpoints").rglob("*") if p.is_file()) < 40_000_000


@pytest.mark.parametrize("folder", ["a file", "a file/below"])
def test_publishing_where_nothing_can_be_written_is_one_line(folder, zoo, run, refused, tmp_path):
    (tmp_path / "a file").touch()
    arguments = ["publish", str(run), NAME, "--folder", str(tmp_path / folder)]
    refused(arguments, "Not a directory", code=1)
