"""The command line: a file for each verb and what they share."""

from physgen.cli.verbs import main

__all__ = ["main"]
