"""How many files, and so sockets, this process may have open."""

import sys

from botkit.errors import ConfigError

if sys.platform != "win32":
    import resource


def allow_open_files(needed: int) -> None:
    """Raise this process's limit to ``needed`` open files. Raises ``ConfigError`` if the system does not allow it."""
    if sys.platform == "win32":
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise ConfigError(
            f"needs {needed} open files, and this system allows {hard}", hint="raise the limit with ulimit -n"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
