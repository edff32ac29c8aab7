"""The project of the command line's tests: a config, a segment, and the sandbox on a socket."""

from tests.cli.conftest import project

__all__ = ["project"]
