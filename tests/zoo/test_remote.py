"""Entries from a server on the loopback and from a folder: by checksum, into a cache, without running anything."""

import http.server
import json
import shutil
import threading

import pytest
import torch

import physgen
from physgen.cli import main
from physgen.core.errors import InputError
from physgen.core.shipped import shipped
from physgen.zoo import index, remote
from physgen.zoo.remote import fetched, is_url, opener, sha256

NAMES = ("quantum-dot-2d-n2-omega1/rbm-symmetric", "quartic-well-beta1/group-average")


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A folder of two entries behind a server on the loopback, an empty cache, and what was asked of the server."""
    root, asked = tmp_path / "zoo", []
    for name in NAMES:
        shutil.copytree(shipped("checkpoints") / name, root / name)
    index.write_index(root)
    monkeypatch.setenv("PHYSGEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(root))

        def do_GET(self):
            asked.append(self.path)
            if self.path.startswith("/away/"):
                self.send_response(302)
                self.send_header("Location", (root / self.path.removeprefix("/away/")).as_uri())
                self.end_headers()
            else:
                super().do_GET()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", root, asked
        server.shutdown()
        thread.join()


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))


def test_a_server_gives_entries_by_checksum_and_once(served, monkeypatch, capsys):
    url, _, asked = served
    assert physgen.list_pretrained(folder=url) == sorted(NAMES)
    model = physgen.load_pretrained(NAMES[0], folder=url)
    assert same(model, physgen.load_pretrained(NAMES[0])) and model.result.headline.value == pytest.approx(3, abs=1e-3)
    asked.clear()
    again = physgen.load_pretrained(NAMES[0], folder=url)
    assert asked == ["/index.json"] and same(model, again)
    monkeypatch.setenv("PHYSGEN_ENTRIES", url)  # beside those of the package, in every verb
    assert set(NAMES) < set(physgen.list_pretrained())
    main(["list", "pretrained", "rbm-symmetric"])
    assert NAMES[0] in capsys.readouterr().out
    with pytest.raises(InputError, match="PHYSGEN_ENTRIES must be a folder on this machine where it is written"):
        index.own_folder()


def test_a_server_that_is_gone_leaves_what_was_kept(served, tmp_path, monkeypatch):
    url, _, _ = served
    model = physgen.load_pretrained(NAMES[1], folder=url)

    def gone():
        raise OSError("no route")

    monkeypatch.setattr(remote, "opener", gone)
    assert same(model, physgen.load_pretrained(NAMES[1], folder=url))
    with pytest.raises(InputError, match=f"{NAMES[0]}/weights.ckpt cannot be had: no route"):
        physgen.load_pretrained(NAMES[0], folder=url)
    monkeypatch.setenv("PHYSGEN_CACHE", str(tmp_path / "other"))
    with pytest.raises(InputError, match="index.json cannot be had"):
        physgen.list_pretrained(folder=url)


def test_files_that_differ_from_the_index_are_not_taken(served, tmp_path):
    url, root, _ = served
    weights = root / NAMES[0] / "weights.ckpt"
    content = bytearray(weights.read_bytes())
    weights.write_bytes(content + b"x")
    with pytest.raises(InputError, match=f"more than {len(content)} bytes"):
        physgen.load_pretrained(NAMES[0], folder=url)
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)
    with pytest.raises(InputError, match="sha256 of http"):
        physgen.load_pretrained(NAMES[0], folder=url)
    assert not list((tmp_path / "cache").rglob("weights.ckpt"))
    found = json.loads((root / "index.json").read_text())
    for name in ("../x/y", "a/b/c", "/etc/x"):
        (root / "index.json").write_text(json.dumps({name: found[NAMES[0]]}))
        with pytest.raises(InputError, match=r"no index\.json that can be read"):
            physgen.list_pretrained(folder=url)
    (root / "index.json").write_text(json.dumps({NAMES[0]: {**found[NAMES[0]], "sha256": "../../x"}}))
    with pytest.raises(InputError, match="sha256 must be 64 hexadecimal digits"):
        physgen.load_pretrained(NAMES[0], folder=url)


def test_a_server_leads_to_no_file_of_this_machine(served):
    url, _, asked = served
    with pytest.raises(InputError, match="cannot be had"):
        remote.take(f"{url}/away", "index.json", remote.cache() / "x", 10**6)
    assert asked == ["/away/index.json"]
    with pytest.raises(OSError):
        opener().open("file:///etc/hostname", timeout=1)
    assert is_url("https://x/y") and not is_url("/x/y") and not is_url(None) and not is_url("ftp://x")


def test_weights_that_an_installation_lacks_come_from_a_source(served, tmp_path, monkeypatch):
    url, root, _ = served
    record = index.read_index()["pretrained"][NAMES[1]]
    for place in (url, str(root)):
        path = fetched(place, NAMES[1], record)
        assert sha256(path) == record["sha256"] and path.with_name("result.json").is_file()
        shutil.rmtree(tmp_path / "cache")
    monkeypatch.setattr(index, "shipped", lambda folder: tmp_path / "empty")
    with pytest.raises(InputError, match="is missing; a folder or server that has it is named by PHYSGEN_SOURCE"):
        physgen.load_pretrained(NAMES[1])
    monkeypatch.setenv("PHYSGEN_SOURCE", url)
    assert physgen.load_pretrained(NAMES[1]).result is not None
