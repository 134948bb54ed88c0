"""What must hold between the parts of a configuration, beyond what each part can say of itself."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from talkpath.bridge.realtime.usage import price_of
from talkpath.bridge.routes import is_expression
from talkpath.sip.phone_messages import CONSOLE

from .api import SECRET_HINT, TOKEN_HINT, secret_problem, token_problem
from .endpoint import endpoint
from .problems import nearest
from .realtime import default_key_variable, host_of
from .transfer import complaints

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path as FilePath

    from .model import Config
    from .problems import Path


class Finding(NamedTuple):
    """A broken rule, before anyone has looked up its line."""

    path: Path
    reason: str
    hint: str = ""


FIRST_AGENT = 'Add an agent: [agents.reception] with instructions = "…" and greeting = "…".'


def broken_rules(config: Config) -> Iterator[Finding]:
    """Check what spans several tables, and that the files that are named are there."""
    yield from _agents(config)
    yield from _names(config)
    yield from _patterns(config)
    yield from _keys(config)
    yield from _prices(config)
    yield from _files(config)
    yield from _transfers(config)
    yield from _watchers(config)


def _agents(config: Config) -> Iterator[Finding]:
    if not config.agents:
        yield Finding(("agents",), "nobody is there to answer", FIRST_AGENT)
    leads_somewhere = config.routes or any(trunk.agent for trunk in config.trunks)
    if len(config.agents) > 1 and not leads_somewhere:
        names = ", ".join(config.agents)
        yield Finding(
            ("routes",),
            f"several agents ({names}), but nothing says which one answers",
            f'Add [[routes]] with to = "*" and agent = "{next(iter(config.agents))}".',
        )


def _names(config: Config) -> Iterator[Finding]:
    counts = Counter(trunk.name for trunk in config.trunks)
    for index, trunk in enumerate(config.trunks):
        if trunk.name == CONSOLE:
            reason = f'the name "{CONSOLE}" is that of calls from browsers'
            yield Finding(("trunks", index, "name"), reason, "Choose another.")
        if counts[trunk.name] > 1:
            yield Finding(("trunks", index, "name"), f'the name "{trunk.name}" is taken', "Choose another.")
        if trunk.agent is not None:
            yield from _known(("trunks", index, "agent"), trunk.agent, config.agents, "agent")
    for index, line in enumerate(config.routes):
        if line.agent is not None:
            yield from _known(("routes", index, "agent"), line.agent, config.agents, "agent")
        if line.trunk is not None:
            yield from _known(("routes", index, "trunk"), line.trunk, counts, "trunk")

    for index, agent in enumerate(config.phone.agents):
        yield from _known(("phone", "agents", index), agent, config.agents, "agent")
    if config.phone.enabled and not (config.api.operate and config.http.enabled):
        hint = 'Add [api.operate] with yourname = "env:TALKPATH_TOKEN", and do not switch [http] off.'
        yield Finding(("phone", "enabled"), "needs a token of [api] operate: who may call?", hint)
    if config.phone.trunk is not None:
        yield from _known(("phone", "trunk"), config.phone.trunk, counts, "trunk")


def _known(path: Path, name: str, names: Iterable[str], what: str) -> Iterator[Finding]:
    known = set(names)
    if name not in known:
        yield Finding(path, f'there is no {what} "{name}"', nearest(name, known))


def _patterns(config: Config) -> Iterator[Finding]:
    for index, line in enumerate(config.routes):
        patterns: dict[Path, str | None] = {("to",): line.to, ("caller",): line.caller}
        patterns |= {("header", name): value for name, value in line.header.items()}
        for key, pattern in patterns.items():
            if pattern is None or not is_expression(pattern):
                continue
            try:
                re.compile(pattern[1:-1])
            except re.error as error:
                yield Finding(
                    ("routes", index, *key),
                    f"{pattern} is not a regular expression: {error}",
                    "Without slashes around it, * and ? are enough for most numbers.",
                )


def _keys(config: Config) -> Iterator[Finding]:
    """OpenAI and Azure take no call without a key; servers of one's own often do."""
    missing: dict[str, str] = {}
    for name in config.agents:
        model = endpoint(config, name)
        variable = default_key_variable(model.url)
        if model.api_key is None and variable and "api-key" not in {key.lower() for key in model.headers}:
            missing.setdefault(variable, model.url)
    for variable, url in missing.items():
        yield Finding(
            ("realtime", "api_key"),
            f"no key for {host_of(url)}",
            f"export {variable}=…, or set api_key_file to a file that holds the key.",
        )


def _prices(config: Config) -> Iterator[Finding]:
    """A limit in dollars needs a price."""
    for name, agent in config.agents.items():
        model = endpoint(config, name).model
        if agent.max_cost is not None and price_of(model) is None:
            reason = f'the price of the model "{model}" is not known, so the limit would never hold'
            yield Finding(("agents", name, "max_cost"), reason, "Use max_duration.")


def _files(config: Config) -> Iterator[Finding]:
    tls = config.sip.tls
    named: dict[Path, FilePath | None] = {
        ("sip", "tls", "certificate"): tls.certificate,
        ("sip", "tls", "private_key"): tls.private_key,
        ("sip", "tls", "ca"): tls.ca,
        ("realtime", "ca_file"): config.realtime.ca_file,
    }
    for name, agent in config.agents.items():
        named["agents", name, "fallback", "announcement"] = agent.fallback.announcement
        named["agents", name, "recording", "announcement"] = agent.recording.announcement
        named["agents", name, "sound", "before_answer"] = agent.sound.before_answer
    for path, file in named.items():
        if file is not None and not file.is_file():
            yield Finding(path, f"there is no file {file}", "Relative paths begin at the configuration file.")


def _transfers(config: Config) -> Iterator[Finding]:
    agents = {name: agent.transfer for name, agent in config.agents.items()}
    trunks = {trunk.name: (trunk.username or "") if trunk.register_uri else "" for trunk in config.trunks}
    yield from (Finding(*complaint) for complaint in complaints(config.targets, agents, trunks))


def _watchers(config: Config) -> Iterator[Finding]:
    yield from _tokens(config)
    for index, hook in enumerate(config.webhooks):
        problem = secret_problem(hook.secret.get_secret_value())
        if problem:
            yield Finding(("webhooks", index, "secret"), problem, SECRET_HINT)
        if "transcript.ready" in hook.events and not hook.private:
            yield Finding(
                ("webhooks", index, "events"),
                "transcript.ready is words of callers, which this address may not have",
                "Add private = true, or leave transcript.ready out.",
            )


def _tokens(config: Config) -> Iterator[Finding]:
    """Each token names one person or program, so that the log can tell who did what."""
    seen: set[str] = set()
    for role, table in (("read", config.api.read), ("operate", config.api.operate)):
        for name, token in table.items():
            problem = token_problem(token.get_secret_value())
            if problem:
                yield Finding(("api", role, name), problem, TOKEN_HINT)
            elif token.get_secret_value() in seen:
                yield Finding(("api", role, name), "another name has the same token", TOKEN_HINT)
            seen.add(token.get_secret_value())
    for index, name in enumerate(config.api.listen):
        yield from _known(("api", "listen", index), name, config.api.read | config.api.operate, "token")
    if config.api.is_open and not config.http.enabled:
        yield Finding(("api",), "has tokens, but [http] is off", "Set http.enabled = true.")
