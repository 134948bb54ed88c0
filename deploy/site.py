"""Put Mermaid into the built site, for diagrams without the Internet: ``python -m deploy.site``.

The theme draws them with the Mermaid that a page has loaded, and else fetches one. It comes from npm, which
checks it, once; nothing of it is in the sources. Without npm the site needs the Internet for its diagrams.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Final

from deploy.steps import cache_root

PACKAGE: Final = "mermaid@11.17.2"
SCRIPT: Final = "mermaid.min.js"
SITE: Final = Path("build/site")
PATIENCE: Final = 120.0


def fetched(cache: Path) -> Path:
    """The script, from the cache or from npm.

    Raises:
        OSError: npm is not installed, or its package does not have the script.
        subprocess.SubprocessError: npm cannot get the package.
    """
    kept = cache / PACKAGE / SCRIPT
    if kept.exists():
        return kept
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError("npm is not installed")
    with tempfile.TemporaryDirectory() as folder:
        pack = [npm, "pack", "--silent", PACKAGE]
        subprocess.run(pack, cwd=folder, check=True, capture_output=True, timeout=PATIENCE)
        with tarfile.open(next(Path(folder).glob("*.tgz"))) as package:
            package.extract(f"package/dist/{SCRIPT}", folder, filter="data")
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(Path(folder) / "package/dist" / SCRIPT, kept)
    return kept


def main() -> int:
    """Copy it; that it cannot be had is said, and no error."""
    try:
        shutil.copy(fetched(cache_root()), SITE / SCRIPT)
    except (OSError, subprocess.SubprocessError) as error:
        sys.stderr.write(f"site: diagrams will need the Internet: no {PACKAGE} ({error})\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
