"""Entries of a Hugging Face hub: from a server on the loopback that answers as one does, and from the cache offline."""

import http.server
import shutil
import sys
import threading
from pathlib import PurePosixPath

import pytest

import physgen
from physgen.core.errors import InputError
from physgen.core.shipped import shipped
from physgen.zoo import index
from physgen.zoo.hub import hub_file, is_hub
from physgen.zoo.remote import is_url

NAME = "quartic-well-beta1/group-average"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """The address `hf://someone/zoo` of one entry, and what was asked of the hub."""
    constants = pytest.importorskip("huggingface_hub.constants")
    root, asked = tmp_path / "zoo", []
    shutil.copytree(shipped("checkpoints") / NAME, root / NAME)
    index.write_index(root)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            asked.append(self.path)
            parts = PurePosixPath(self.path).parts
            path = root.joinpath(*parts[5:])
            known = parts[1:4] == ("someone", "zoo", "resolve") and parts[4] in ("main", "v1", COMMIT)
            if not known or not path.is_file():
                self.send_response(404)
                self.send_header("X-Error-Code", "EntryNotFound" if known else "RepoNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return None
            content = path.read_bytes()
            self.send_response(200)
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{abs(hash(content)):x}"')
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            return content

        def do_GET(self):
            content = self.do_HEAD()
            if content is not None:
                self.wfile.write(content)

        def log_message(self, *_):
            pass

    monkeypatch.setenv("PHYSGEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        place = f"http://127.0.0.1:{server.server_address[1]}"
        # what the library takes from HF_ENDPOINT and HF_HUB_CACHE when it is imported
        monkeypatch.setattr(constants, "ENDPOINT", place)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", place + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        yield "hf://someone/zoo", asked
        server.shutdown()
        thread.join()


def test_a_repository_gives_entries_by_checksum_and_once(hub, monkeypatch):
    place, asked = hub
    assert physgen.list_pretrained(folder=place) == [NAME] == physgen.list_pretrained(folder=f"{place}@v1")
    model = physgen.load_pretrained(NAME, folder=place)
    assert model.result.headline.value == physgen.load_pretrained(NAME).result.headline.value
    assert any("/resolve/v1/" in path for path in asked)
    asked.clear()
    physgen.load_pretrained(NAME, folder=place)
    assert not any("weights.ckpt" in path for path in asked)
    asked.clear()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert hub_file(place, f"{NAME}/weights.ckpt").is_file() and asked == []


def test_what_is_not_there_is_said_in_a_line(hub):
    place, _ = hub
    with pytest.raises(InputError, match="hf://someone/other/index.json cannot be had"):
        physgen.list_pretrained(folder="hf://someone/other")
    with pytest.raises(OSError) as error:
        hub_file(place, "none")
    assert "\n" not in str(error.value)


def test_places_are_read(monkeypatch):
    assert is_hub("hf://a/b") and is_url("hf://a/b") and not is_hub("a/b") and not is_hub(None)
    for wrong in ("hf://a", "hf://a/b/c", "hf://a/b@", "hf:///x", "hf://a/b?c"):
        with pytest.raises(InputError, match="folder must be hf://OWNER/NAME or hf://OWNER/NAME@REVISION"):
            hub_file(wrong, "index.json")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(InputError, match=r"hf://a/b needs huggingface_hub: pip install 'physgen\[hub\]'"):
        hub_file("hf://a/b", "index.json")
