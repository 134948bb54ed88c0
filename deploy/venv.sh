#!/bin/sh
# Create the virtual environment in $VENV with $PYTHON, and install Talkpath for development into it.
set -eu

say() { echo "venv: $*"; }

if ! "$PYTHON" -c 'import sys; sys.exit(not ((3, 11) <= sys.version_info < (3, 13)))' 2>/dev/null; then
    say "Talkpath needs Python 3.11 or 3.12, and $PYTHON is not one; name one with: make PYTHON=python3.12" >&2
    exit 1
fi

# Run a command; show what it said only when it fails.
quietly() {
    said=$("$@" 2>&1) || { echo "$said" >&2; say "\`$*\` failed" >&2; exit 1; }
}

create() { "$PYTHON" -m venv "$VENV" >/dev/null 2>&1 && "$VENV/bin/python" -m pip --version >/dev/null 2>&1; }

if ! "$VENV/bin/python" -m pip --version >/dev/null 2>&1; then
    say "creating $VENV with $("$PYTHON" --version)"
    if ! create; then
        rm -rf "$VENV"
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            say "installing python3-venv"
            quietly apt-get update
            quietly env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3-venv
            create || { say "$PYTHON -m venv $VENV still fails; run it to see why" >&2; exit 1; }
        else
            say "$PYTHON cannot create environments; on Debian: sudo apt-get install python3-venv" >&2
            exit 1
        fi
    fi
fi

say "installing Talkpath, the demo and the tools (a minute or two the first time)"
"$VENV/bin/python" -m pip install --quiet --upgrade 'pip>=25.1'
"$VENV/bin/python" -m pip install --quiet --editable '.[demo]' --group dev
say "ready: $VENV"
