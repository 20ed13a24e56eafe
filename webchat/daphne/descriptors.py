"""The descriptors that this process may have: as many as the system's hard limit lets it."""

from __future__ import annotations

import contextlib
import resource


def raise_descriptor_limit() -> int:
    """Raises the soft limit to the hard one; how many there are then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        # A system may refuse what it calls its own hard limit (macOS: infinity).
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return soft if soft != resource.RLIM_INFINITY else 1 << 20
