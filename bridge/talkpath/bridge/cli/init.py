"""``talkpath init``: four questions, or four options, and the files of a first configuration."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

import typer

from talkpath.bridge.config.realtime import default_key_variable
from talkpath.bridge.starter.answers import (
    Answers,
    BadAnswer,
    check_address,
    check_agent,
    check_model,
    check_pbx,
)
from talkpath.bridge.starter.texts import CONFIGURATION, files

from .exits import Exit, complain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

NOBODY_ELSE: Final = 0o600


class _Question(NamedTuple):
    words: str
    default: str | None
    check: Callable[[str], str]


QUESTIONS: Final = {
    "pbx": _Question("Which PBX is it (asterisk, freeswitch, other)", "asterisk", check_pbx),
    "address": _Question("Its address (host name or IP address)", None, check_address),
    "model": _Question("Which model (openai, or the WebSocket URL of another server)", "openai", check_model),
    "agent": _Question(
        "What the agent is and does", "You answer the phone. Be brief and friendly.", check_agent
    ),
}


def run_init(given: Mapping[str, str | None], folder: Path, *, extension: str, port: int, ask: bool) -> int:
    """Ask what was not given, and write the files.

    Args:
        given: Answers by the names of `QUESTIONS`; None for one that was not given.
        folder: Where the files go; made if it is not there.
        extension: Number that callers dial.
        port: UDP port for SIP, 0 for the usual one.
        ask: Whether somebody is there to ask; else defaults are taken, and what has none is missed.
    """
    try:
        answered = {name: _answer(name, given.get(name), ask=ask) for name in QUESTIONS}
        answers = Answers(**answered, extension=extension, port=port)  # type: ignore[arg-type]  # checked there
        written = _write(folder, files(answers))
    except BadAnswer as problem:
        complain(str(problem))
        return Exit.USAGE
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}. Choose another folder with --folder.")
        return Exit.FAILED
    _say_what_is_next(answers, folder, written)
    return Exit.OK


def _answer(name: str, given: str | None, *, ask: bool) -> str:
    question = QUESTIONS[name]
    if given is not None:
        return question.check(given)
    if not ask:
        if question.default is None:
            raise BadAnswer(f"--{name} is missing, and nobody is there to ask.")
        return question.default
    while True:
        try:
            return question.check(str(typer.prompt(question.words, default=question.default)))
        except BadAnswer as problem:
            complain(str(problem))


def _write(folder: Path, texts: Mapping[str, str]) -> list[Path]:
    """Write all files or none; what is there already is never touched.

    Raises:
        BadAnswer: a file is there already.
        OSError: one cannot be written.
    """
    paths = {folder / name: text for name, text in texts.items()}
    there = [str(path) for path in paths if path.exists()]
    if there:
        raise BadAnswer(f"{', '.join(there)}: already there, and left alone. Choose another --folder.")
    folder.mkdir(parents=True, exist_ok=True)
    for path, text in paths.items():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, NOBODY_ELSE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    return list(paths)


def _say_what_is_next(answers: Answers, folder: Path, written: list[Path]) -> None:
    lines = ["Written, readable by you alone:", *(f"  {path}" for path in written), "", "Next:"]
    variable = default_key_variable(answers.url)
    if variable:
        lines.append(f"  export {variable}=…")
    if answers.pbx == "other":
        lines.append(f'  give your PBX a user "{answers.user}" with the password in that file')
    else:
        lines.append(f"  put the {answers.pbx} files where their first lines say")
    file = folder / CONFIGURATION
    command = "talkpath" if shutil.which("talkpath") else sys.argv[0]
    lines += [f"  {command} {what} -c {file}" for what in ("check", "doctor", "run")]
    sys.stdout.write("\n".join(lines) + "\n")
