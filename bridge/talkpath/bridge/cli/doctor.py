"""``talkpath doctor``: all findings, for people or for machines."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from talkpath.bridge.config.capacity import capacity
from talkpath.bridge.config.load import find_config, load
from talkpath.bridge.config.problems import ConfigError
from talkpath.bridge.doctor.addresses import examine_addresses
from talkpath.bridge.doctor.certificates import examine_models as examine_certificates
from talkpath.bridge.doctor.certificates import examine_own
from talkpath.bridge.doctor.findings import Finding, worst
from talkpath.bridge.doctor.kernel import examine_kernel
from talkpath.bridge.doctor.limits import examine_clock, examine_limits
from talkpath.bridge.doctor.model import examine_models
from talkpath.bridge.doctor.peers import examine_peers
from talkpath.bridge.doctor.ports import examine_ports
from talkpath.bridge.doctor.registrations import examine_registrations
from talkpath.bridge.doctor.stack import examine_stack

from .exits import Exit, version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from talkpath.bridge.config.model import Config

MARKS = {"ok": ("  ok  ", "green"), "warn": (" warn ", "yellow"), "fail": (" FAIL ", "bold red")}


def run_doctor(path: Path | None, *, as_json: bool, offline: bool) -> int:
    """Examine everything; a configuration that is refused is a finding among others."""
    findings: list[Finding] = []
    for finding in examine(path, offline=offline):
        findings.append(finding)
        if not as_json:
            _show(finding)
    if as_json:
        sys.stdout.write(as_document(findings) + "\n")
    return Exit.UNHEALTHY if worst(findings) == "fail" else Exit.OK


def examine(path: Path | None, *, offline: bool) -> Iterator[Finding]:
    """Yield findings as they come: the slow ones last."""
    config: Config | None = None
    try:
        loaded = load(find_config(path))
        config = loaded.config
        yield Finding("config", "ok", f"{loaded.path} is good.")
    except ConfigError as error:
        yield from (Finding("config", "fail", str(one).splitlines()[0], one.hint) for one in error.problems)
    yield from examine_stack(capacity(config).calls if config else 0, uses_tls=_uses_tls(config))
    if config is not None:
        yield from examine_addresses(config)
        yield from examine_ports(config)
        yield from examine_limits(config)
        yield from examine_kernel(config)
        yield from examine_own(config, time.time())
        yield from examine_registrations(config)
    yield from examine_clock()
    if config is not None and not offline:
        yield from examine_peers(config)
        yield from examine_certificates(config, time.time())
        yield from asyncio.run(examine_models(config))


def _uses_tls(config: Config | None) -> bool:
    if config is None:
        return False
    uris = [uri for trunk in config.trunks for uri in (trunk.register_uri, trunk.outbound_proxy) if uri]
    by_trunk = any(uri.startswith("sips:") or "transport=tls" in uri.lower() for uri in uris)
    return by_trunk or any(listen.transport == "tls" for listen in config.sip.listen)


def as_document(findings: list[Finding]) -> str:
    """The findings as JSON."""
    return json.dumps(
        {
            "version": version(),
            "verdict": worst(findings),
            "findings": [finding._asdict() for finding in findings],
        },
        indent=2,
        ensure_ascii=False,
    )


def _show(finding: Finding) -> None:
    console = Console(soft_wrap=True, highlight=False)
    mark, style = MARKS[finding.level]
    line = Text(mark, style=style)
    line.append(f" {finding.area:<10} {finding.message}", style="")
    console.print(line)
    if finding.fix:
        console.print(Text(f"{'':18}→ {finding.fix}", style="dim"))
