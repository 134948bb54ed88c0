"""What the child processes are told of the configuration, in the words of their messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from talkpath.sip import messages

from .model import Config
from .outbound import outbound_settings

if TYPE_CHECKING:
    from .sip import SipConfig, TrunkConfig


def to_json(config: Config) -> str:
    """Write the configuration for a child process, secrets included: never log this."""
    return config.model_dump_json(context={"secrets": True}, by_alias=True)


def from_json(text: str | bytes) -> Config:
    """Read back what :func:`to_json` wrote. Reads no file and no environment."""
    return Config.model_validate_json(text)


def sip_settings(config: Config) -> messages.SipSettings:
    """Say the same to the SIP process in the words of its protocol."""
    sip = config.sip
    return messages.SipSettings(
        listeners=tuple(
            messages.Listener(
                transport=listen.transport,
                host=listen.host,
                port=listen.port,
                advertised_address=sip.advertised_address or "",
            )
            for listen in sip.listen
        ),
        trunks=tuple(_trunk_settings(trunk, sip) for trunk in config.trunks),
        codecs=sip.codecs,
        tls=_tls_settings(sip),
        user_agent=sip.user_agent,
        nameservers=sip.nameservers,
        blocked_user_agents=sip.blocked_user_agents,
        max_calls=sip.max_calls,
        calls_per_second_per_source=sip.calls_per_second_per_source,
        accept_private_sources=not config.trunks,
        outbound=outbound_settings(sip.outbound),
        trace=_trace_settings(config),
    )


def _trunk_settings(trunk: TrunkConfig, sip: SipConfig) -> messages.TrunkSettings:
    return messages.TrunkSettings(
        name=trunk.name,
        registrar=trunk.register_uri or "",
        backup_registrars=trunk.backup_registrars,
        username=trunk.username or "",
        password=messages.Secret(trunk.password.get_secret_value() if trunk.password else ""),
        realm=trunk.realm,
        source_networks=trunk.match,
        advertised_address=trunk.advertised_address or sip.advertised_address or "",
        outbound_proxy=trunk.outbound_proxy or "",
        register_interval=int(trunk.register_interval),
        codecs=trunk.codecs or sip.codecs,
        srtp=trunk.srtp,
        trust_contact=trunk.trust_contact,
        challenge=trunk.challenge,
        accept_replaces=trunk.accept_replaces,
        accept_refer=trunk.accept_refer,
        max_calls=trunk.max_calls,
        outbound=outbound_settings(trunk.outbound),
    )


def _tls_settings(sip: SipConfig) -> messages.TlsSettings:
    tls = sip.tls
    return messages.TlsSettings(
        certificate_file=str(tls.certificate or ""),
        private_key_file=str(tls.private_key or ""),
        ca_file=str(tls.ca or ""),
        verify_server=tls.verify_server,
        verify_client=tls.verify_client,
    )


def _trace_settings(config: Config) -> messages.TraceSettings:
    homer = config.homer
    return messages.TraceSettings(
        callers=config.log.debug_callers,
        homer=str(homer.address) if homer.address else "",
        capture_id=homer.capture_id,
        homer_key=messages.Secret(homer.password.get_secret_value() if homer.password else ""),
    )


def phone_settings(config: Config) -> messages.PhoneSettings:
    """Say to the phone process what it has to know, and no more: it gets no secret."""
    return messages.PhoneSettings(
        max_calls=config.phone.max_calls,
        addresses=config.phone.addresses,
        log_format=config.log.format,
        log_level=config.log.level,
        log_private=config.log.private,
    )
