"""The ``[tracing]`` table."""

from pydantic import Field

from .values import Secret, Section, WebAddress


class TracingConfig(Section):
    """Sends one trace per call to an OpenTelemetry collector; needs ``pip install 'talkpath[tracing]'``."""

    endpoint: WebAddress | None = Field(
        default=None,
        description="OTLP over HTTP, with the path; without it, nothing is sent.",
        examples=["http://127.0.0.1:4318/v1/traces"],
    )
    headers: dict[str, Secret] = Field(
        default_factory=dict,
        description="HTTP headers of the requests.",
        examples=[{"Authorization": "env:OTLP_AUTHORIZATION"}],
    )
