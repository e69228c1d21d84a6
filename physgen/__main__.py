import os
import sys

# `python -m` looks into the current folder first, where a file may bear the name of a library
if __name__ == "__main__" and not sys.flags.safe_path and sys.path[0] in ("", os.getcwd()):
    del sys.path[0]

from physgen.cli import main  # noqa: E402

if __name__ == "__main__":
    main()
