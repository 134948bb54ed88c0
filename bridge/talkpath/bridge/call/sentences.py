"""What the agent is told to say when the call itself has something to say."""

from __future__ import annotations

from typing import Final

LIMIT_SENTENCE: Final = "I am sorry, our time is over. Thank you for calling, and goodbye."
ANSWER_NOTE: Final = (
    "The person you called has just picked up, and will speak first. Let your answer to their first words "
    "begin with exactly this, unless you have said it by then: "
)
"""What the agent is told before the words of its greeting, which it then says as an answer."""
PRESENCE_SENTENCE: Final = "Hello, are you still there?"
SILENCE_SENTENCE: Final = "I cannot hear you, so I will hang up now. Please call again. Goodbye."
RESUME_SENTENCE: Final = "Sorry, the line dropped for a moment. Please go on."
