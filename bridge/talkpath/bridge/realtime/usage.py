"""Tokens by kind, and what they cost. Pure functions; the prices are data with a date."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PRICES_DATED = "2026-11"
"""Month in which :data:`PRICES` was written down. Prices change; give your own table where it matters."""


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens of one or more responses.

    Input counts include the cached part. Output text includes reasoning: never add it again.
    ``estimated`` tells that the server did not say which kind the cached tokens were.
    """

    text_in: int = 0
    audio_in: int = 0
    image_in: int = 0
    cached_text: int = 0
    cached_audio: int = 0
    cached_image: int = 0
    text_out: int = 0
    audio_out: int = 0
    reasoning: int = 0
    estimated: bool = False

    def __add__(self, other: TokenUsage) -> TokenUsage:
        return TokenUsage(
            self.text_in + other.text_in,
            self.audio_in + other.audio_in,
            self.image_in + other.image_in,
            self.cached_text + other.cached_text,
            self.cached_audio + other.cached_audio,
            self.cached_image + other.cached_image,
            self.text_out + other.text_out,
            self.audio_out + other.audio_out,
            self.reasoning + other.reasoning,
            self.estimated or other.estimated,
        )


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for one million tokens of each kind."""

    audio_in: float
    cached_audio: float
    audio_out: float
    text_in: float
    cached_text: float
    text_out: float
    image_in: float = 0.0
    cached_image: float = 0.0


PRICES: dict[str, Price] = {
    # No cached price is published for images: the full one is charged, so that we never guess too low.
    "gpt-realtime-2": Price(32, 0.40, 64, 4, 0.40, 24, 5, 5),
    "gpt-realtime-2.1": Price(32, 0.40, 64, 4, 0.40, 24, 5, 5),
    "gpt-realtime-1.5": Price(32, 0.40, 64, 4, 0.40, 16, 5, 5),
    "gpt-realtime-2.1-mini": Price(10, 0.30, 20, 0.60, 0.06, 2.40),
}


def parse_usage(usage: Any) -> TokenUsage | None:
    """Read ``response.usage`` as it came from the network.

    Args:
        usage: the decoded JSON value; null on some failed responses.

    Returns:
        The tokens, or None when there is no usage. Fields that are missing or senseless count as zero.
    """
    if not isinstance(usage, dict):
        return None
    given = _table(usage.get("input_token_details"))
    out = _table(usage.get("output_token_details"))
    text_in, audio_in, image_in = (_count(given, f"{kind}_tokens") for kind in ("text", "audio", "image"))
    if not given:
        text_in = _count(usage, "input_tokens")
    cached, estimated = _cached(given, (text_in, audio_in, image_in))
    return TokenUsage(
        text_in=text_in,
        audio_in=audio_in,
        image_in=image_in,
        cached_text=cached[0],
        cached_audio=cached[1],
        cached_image=cached[2],
        text_out=_count(out, "text_tokens") if out else _count(usage, "output_tokens"),
        audio_out=_count(out, "audio_tokens"),
        reasoning=_count(out, "reasoning_tokens"),
        estimated=estimated,
    )


def _cached(given: dict[str, Any], inputs: tuple[int, int, int]) -> tuple[tuple[int, int, int], bool]:
    """Cached tokens by kind, each at most what came in; pro rata when the server gives only a sum."""
    details = given.get("cached_tokens_details")
    if isinstance(details, dict):
        kinds = [_count(details, f"{kind}_tokens") for kind in ("text", "audio", "image")]
        text, audio, image = (min(cached, whole) for cached, whole in zip(kinds, inputs, strict=True))
        return (text, audio, image), False
    total = sum(inputs)
    cached = min(_count(given, "cached_tokens"), total)
    if not cached:
        return (0, 0, 0), False
    audio = cached * inputs[1] // total
    image = cached * inputs[2] // total
    return (cached - audio - image, audio, image), True


def cost(tokens: TokenUsage, price: Price) -> float:
    """US dollars for ``tokens``. Cached tokens are charged once, at their own price."""
    return sum(costs(tokens, price).values())


def costs(tokens: TokenUsage, price: Price) -> dict[str, float]:
    """US dollars for ``tokens`` by kind, without kinds that cost nothing."""
    million = {
        "text_in": (tokens.text_in - tokens.cached_text) * price.text_in,
        "cached_text": tokens.cached_text * price.cached_text,
        "audio_in": (tokens.audio_in - tokens.cached_audio) * price.audio_in,
        "cached_audio": tokens.cached_audio * price.cached_audio,
        "image_in": (tokens.image_in - tokens.cached_image) * price.image_in,
        "cached_image": tokens.cached_image * price.cached_image,
        "text_out": tokens.text_out * price.text_out,
        "audio_out": tokens.audio_out * price.audio_out,
    }
    return {kind: dollars / 1e6 for kind, dollars in million.items() if dollars}


def price_of(model: str, prices: dict[str, Price] | None = None) -> Price | None:
    """The price of a model, or None when it is not in the table.

    A dated name (``gpt-realtime-2.1-2026-05-01``) has the price of the longest listed name it begins with.
    """
    table = PRICES if prices is None else prices
    if model in table:
        return table[model]
    dated = [name for name in table if model.startswith(f"{name}-20")]
    return table[max(dated, key=len)] if dated else None


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(table: dict[str, Any], name: str) -> int:
    value = table.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
