"""What a configuration would do, in words. Pure, apart from the look-ups it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from talkpath.bridge.config.capacity import capacity
from talkpath.bridge.config.endpoint import endpoint
from talkpath.bridge.config.problems import spell
from talkpath.bridge.config.realtime import host_of
from talkpath.bridge.config.values import format_duration
from talkpath.bridge.doctor.addresses import host_of_uri
from talkpath.bridge.doctor.limits import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from talkpath.bridge.config.load import Loaded
    from talkpath.bridge.config.model import Config, RouteConfig

    Resolve = Callable[[str], list[str]]
    """Addresses of a host name; none when it does not resolve."""


class Line(NamedTuple):
    """One line of the summary: a label (empty: goes on), the text, and whether it is a warning."""

    label: str
    text: str
    warning: bool = False


def summarise(loaded: Loaded, resolve: Resolve) -> Iterator[Line]:
    """Tell who may call, who answers, with which model, on which ports."""
    config = loaded.config
    for index, listen in enumerate(config.sip.listen):
        yield Line("SIP" if index == 0 else "", f"listens on {listen}")
    if config.sip.advertised_address:
        yield Line("", f"tells others to send to {config.sip.advertised_address}")
    yield from _callers(config)
    yield from _registrations(config, resolve)
    yield from _answers(config)
    for name in config.agents:
        yield from _agent(loaded, name)
    yield from _models(config, resolve)
    yield from _capacity(config)
    if config.http.enabled:
        yield Line("HTTP", f"http://{config.http.listen}/metrics, /healthz, /readyz")
    for path, variable in loaded.overrides.items():
        yield Line("Override", f"{spell(path)} comes from {variable}")


def _callers(config: Config) -> Iterator[Line]:
    if not config.trunks:
        yield Line("Callers", "any private or loopback address, nobody from the Internet (no trunks)")
    for index, trunk in enumerate(config.trunks):
        sources = [*trunk.match]
        if trunk.register_uri:
            sources.append(f"the addresses of {host_of_uri(trunk.register_uri)}")
        if trunk.outbound_proxy:
            sources.append(f"the addresses of {host_of_uri(trunk.outbound_proxy)}")
        yield Line("Callers" if index == 0 else "", f"trunk {trunk.name}: {', '.join(sources)}")
    if config.trunks:
        yield Line("", "everybody else is refused with 403")


def _registrations(config: Config, resolve: Resolve) -> Iterator[Line]:
    label = "Registers"
    for trunk in config.trunks:
        if trunk.register_uri is None:
            continue
        every = format_duration(trunk.register_interval)
        yield Line(label, f"at {trunk.register_uri} as {trunk.username}, for {every} at a time")
        label = ""
        if trunk.password is None:
            yield Line("", "without a password", warning=True)
        yield from _resolved(host_of_uri(trunk.outbound_proxy or trunk.register_uri), resolve)


def _resolved(host: str, resolve: Resolve) -> Iterator[Line]:
    found = resolve(host)
    if not found:
        yield Line("", f"{host} does not resolve to an address", warning=True)
    elif found != [host]:
        yield Line("", f"{host} is {', '.join(found[:4])}")


def _answers(config: Config) -> Iterator[Line]:
    label = "Calls"
    for line in config.routes:
        yield Line(label, f"{_conditions(line)} → {_destination(line)}")
        label = ""
    for trunk in config.trunks:
        if trunk.agent is not None:
            yield Line(label, f"{'others ' if config.routes else ''}by trunk {trunk.name} → {trunk.agent}")
            label = ""
    if _takes_all(config):
        yield Line(label, f"all → {next(iter(config.agents))}")
    elif not any(_matches_all(line) for line in config.routes):
        yield Line(label, "all others are refused with 404")


def _takes_all(config: Config) -> bool:
    return len(config.agents) == 1 and not config.routes


def _matches_all(line: RouteConfig) -> bool:
    return line.to in {None, "*"} and not (line.caller or line.trunk or line.header)


def _conditions(line: RouteConfig) -> str:
    parts = [f"to {line.to}"] if line.to else []
    parts += [f"from {line.caller}"] if line.caller else []
    parts += [f"by trunk {line.trunk}"] if line.trunk else []
    parts += [f"with {name}: {value}" for name, value in line.header.items()]
    return ", ".join(parts) or "all"


def _destination(line: RouteConfig) -> str:
    return line.agent if line.agent is not None else f"refused with {line.reject}"


def _agent(loaded: Loaded, name: str) -> Iterator[Line]:
    config = loaded.config
    agent, model = config.agents[name], endpoint(config, name)
    yield Line(f"Agent {name}", f"{model.model} at {model.url}, voice {agent.voice}, audio {model.audio}")
    yield Line("", f"key: {_key_origin(loaded, name)}")
    if agent.greeting is None:
        yield Line("", "waits for the caller to speak (no greeting)")
    if not agent.instructions:
        yield Line("", "has no instructions: it answers as the model likes", warning=True)
    if agent.tools:
        yield Line("", f"may call {', '.join(agent.tools)}")


def _key_origin(loaded: Loaded, name: str) -> str:
    if endpoint(loaded.config, name).api_key is None:
        return "none is sent"
    own = ("agents", name, "api_key")
    path = own if loaded.config.agents[name].api_key is not None else ("realtime", "api_key")
    return loaded.overrides.get(path) or loaded.origins.get(path, "written in the configuration")


def _models(config: Config, resolve: Resolve) -> Iterator[Line]:
    hosts = dict.fromkeys(host_of(endpoint(config, name).url) for name in config.agents)
    for host in hosts:
        found = list(_resolved(host, resolve))
        yield from (line._replace(label="Model") for line in found)


def _capacity(config: Config) -> Iterator[Line]:
    fits = capacity(config)
    yield Line("Voice", f"UDP ports {config.sip.rtp_ports}, codecs {', '.join(config.sip.codecs)}")
    yield Line(
        "Room",
        f"{fits.calls} calls at once on {plural(fits.workers, 'worker')}, limited by {fits.limited_by}",
    )
