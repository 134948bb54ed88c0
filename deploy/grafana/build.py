"""Writes the dashboards as JSON: `python -m deploy.grafana.build` in the root of the sources."""

import json
from pathlib import Path

from deploy.grafana.calls import CALLS
from deploy.grafana.fleet import FLEET
from deploy.grafana.model import MODEL
from deploy.grafana.network import NETWORK

FOLDER = Path(__file__).parent / "dashboards"
DASHBOARDS = (FLEET, NETWORK, MODEL, CALLS)


def files() -> dict[Path, str]:
    """Each file and its text."""
    return {
        FOLDER / f"{page.uid}.json": json.dumps(page.json(), indent=1, ensure_ascii=False) + "\n"
        for page in DASHBOARDS
    }


def main() -> None:
    """Write all of them."""
    FOLDER.mkdir(exist_ok=True)
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
