"""``python -m talkpath.sip.probe``: what the installed SIP stack can do, as one line of JSON.

A process of its own, because the stack is C: whatever happens in it must not take the caller along.
"""

from __future__ import annotations

import json
import sys

from talkpath.sip._pj import library, pj, tls_library

MANY_CALLS = 100_000
"""More than any build has; the stack lowers it to its compiled-in limit."""


def probe() -> dict[str, str | int]:
    """Start the stack without any socket and ask it; returns version, calls and TLS library."""
    library().pj_log_set_level(0)
    endpoint = pj.Endpoint()
    endpoint.libCreate()
    config = pj.EpConfig()
    config.uaConfig.threadCnt = 0
    config.uaConfig.mainThreadOnly = True
    config.uaConfig.maxCalls = MANY_CALLS
    config.logConfig.level = config.logConfig.consoleLevel = 0
    endpoint.libInit(config)
    found: dict[str, str | int] = {
        "version": str(endpoint.libVersion().full),
        "calls": int(library().pjsua_call_get_max_count()),
        "tls": tls_library(),
    }
    endpoint.libDestroy()
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(probe()) + "\n")
