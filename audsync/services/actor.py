"""Who does what this program does: the system's user, its host, and the command without secrets."""

import os
import re
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audsync.store.audit import Actor

HIDDEN = "…"
_MAX_CHARS = 400
_TELLING = re.compile(
    r"(?<=://)[^/\s@]*@"  # user and password of a URL
    r"|(?<=\?)\S+"  # its query
    r"|[^\s@<>=/:]+@[^\s@<>/]+"  # a person's address
    r"|(?<![0-9A-Za-z])[0-9A-Fa-f]{64}(?![0-9A-Za-z])"  # a hash
    r"|(?<![^\s=])[^\s/\\=]{40,}"  # as long as a token, and no path
)


def this_actor(command: Sequence[str] = ()) -> "Actor":
    """The user who runs this process, and what was typed.

    Args:
        command: the words after the program's name; none where it runs inside another program.
    """
    from audsync.store.audit import Actor

    return Actor(
        user=_user(),
        host=socket.gethostname(),
        pid=os.getpid(),
        command=tuple(map(harmless, command)),
    )


def harmless(word: str) -> str:
    """A word of a command line without what may be a secret or a person's.

    No secret is ever an argument of ours; what somebody typed all the same must not be kept.
    """
    printable = "".join(letter if letter.isprintable() else HIDDEN for letter in word)
    return _TELLING.sub(HIDDEN, printable)[:_MAX_CHARS]


def _user() -> str:
    """The system's name for the user, which no variable of the environment can change."""
    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"  # a container's user without a name
    except ImportError:
        import getpass

        return getpass.getuser()
