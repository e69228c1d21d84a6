"""Files of a repository on a Hugging Face hub, by the hub's own library and cache."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from physgen.core.errors import InputError, check

#: what the names of such places begin with
HUB = "hf://"
#: owner/name, and the revision if it is not `main`
REPOSITORY = re.compile(r"hf://([\w.-]+/[\w.-]+)(?:@([\w./-]+))?/?")


def is_hub(place: Any) -> bool:
    """Return whether a place is a repository on a hub."""
    return isinstance(place, str) and place.lower().startswith(HUB)


def hub_file(place: str, name: str) -> Path:
    """Return a file of a repository from the cache of `huggingface_hub`, which fetches what is new.

    The library's own settings hold: HF_HOME, HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE.

    Args:
        place: `hf://OWNER/NAME`, or `hf://OWNER/NAME@REVISION`.
        name: path in the repository.

    Raises:
        InputError: a place of another form, or no `huggingface_hub`.
        OSError: no such repository or file, or no answer and nothing in the cache.
    """
    parts = REPOSITORY.fullmatch(place)
    check(parts is not None, "folder", place, "hf://OWNER/NAME or hf://OWNER/NAME@REVISION")
    assert parts is not None
    try:
        from huggingface_hub import hf_hub_download  # optional, and slow to import
        from huggingface_hub.errors import HfHubHTTPError
    except ImportError:
        raise InputError(f"folder {place} needs huggingface_hub: pip install 'physgen[hub]'") from None
    try:
        return Path(hf_hub_download(parts[1], name, revision=parts[2]))
    except (HfHubHTTPError, OSError, ValueError) as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise OSError(said[0].split(" (Request ID")[0]) from None
