"""Read, complete and check the configuration: all of its problems at once, before anything starts."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from .explain import explain_all
from .locate import find_line, line_numbers
from .model import Config
from .overrides import apply_overrides
from .problems import ConfigError, Problem, spell
from .rules import FIRST_AGENT, broken_rules
from .sources import resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .problems import Path as KeyPath

DEFAULT_PLACES = (Path("talkpath.toml"), Path("/etc/talkpath/talkpath.toml"))


class Loaded(NamedTuple):
    """A good configuration and where its parts came from."""

    config: Config
    path: Path
    origins: dict[KeyPath, str]
    """Where each secret and each text from a file came from, in words."""
    overrides: dict[KeyPath, str]
    """Which keys an environment variable has set, and its name."""


def find_config(given: Path | None = None) -> Path:
    """Choose the file: the one given, else ``./talkpath.toml``, else ``/etc/talkpath/talkpath.toml``.

    Raises:
        ConfigError: there is none.
    """
    if given is not None:
        return given
    for place in DEFAULT_PLACES:
        if place.is_file():
            return place
    places = " nor ".join(str(place) for place in DEFAULT_PLACES)
    raise ConfigError(
        [Problem("talkpath", 0, "", f"no configuration: neither {places} is there", "Name it with -c FILE.")]
    )


def load(path: Path, environment: Mapping[str, str] | None = None) -> Loaded:
    """Read a configuration file.

    Args:
        path: the TOML file.
        environment: variables to complete it with; the process's own when None.

    Raises:
        ConfigError: with every problem found.
    """
    return load_text(_read(path), path, os.environ if environment is None else environment)


def load_text(text: str, path: Path, environment: Mapping[str, str]) -> Loaded:
    """Like :func:`load`, for text that is already read; ``path`` names it in messages.

    Raises:
        ConfigError: with every problem found.
    """
    data = _parse(text, path)
    overrides, problems = apply_overrides(data, environment)
    sources = resolve(data, path.parent.absolute(), environment)
    finder = _Finder(path, line_numbers(text), overrides)
    problems += [finder.place_spelled(problem) for problem in sources.problems]
    config = _validate(data, finder, problems)
    if problems or config is None:
        raise ConfigError(problems)
    return Loaded(config, path, sources.origins, overrides)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ConfigError([Problem(str(path), 0, "", "is not UTF-8 text", "Save it as UTF-8.")]) from None
    except OSError as error:
        why = f"cannot be read: {error.strerror}"
        raise ConfigError([Problem(str(path), 0, "", why, "Name the file with -c FILE.")]) from None


def _parse(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
        reason = re.sub(r"\s*\(at .*\)$", "", str(error))
        problem = Problem(
            str(path),
            int(match[1]) if match else 0,
            "",
            f"is not TOML: {reason}" + (f" (column {match[2]})" if match else ""),
            'Text needs quotes (model = "…"), lists need brackets (listen = ["…"]).',
        )
        raise ConfigError([problem]) from None


class _Finder:
    """Names the place of a key: a line of the file, or the variable that set it."""

    def __init__(self, path: Path, lines: dict[KeyPath, int], overrides: dict[KeyPath, str]) -> None:
        self.path = str(path)
        self.lines = lines
        self.overrides = overrides

    def problem(self, key: KeyPath, reason: str, hint: str) -> Problem:
        for length in range(len(key), 0, -1):
            if key[:length] in self.overrides:
                return Problem(self.overrides[key[:length]], 0, spell(key), reason, hint)
        return Problem(self.path, find_line(self.lines, key), spell(key), reason, hint)

    def place_spelled(self, problem: Problem) -> Problem:
        for key in (*self.overrides, *self.lines):
            if spell(key) == problem.key:
                return self.problem(key, problem.reason, problem.hint)
        return problem._replace(source=self.path)


def _validate(data: dict[str, Any], finder: _Finder, problems: list[Problem]) -> Config | None:
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        problems += [finder.problem(*found) for found in explain_all(error.errors(), data)]
        if not data.get("agents"):
            problems.append(finder.problem(("agents",), "nobody is there to answer", FIRST_AGENT))
        return None
    found = [finder.problem(*finding) for finding in broken_rules(config)]
    # A secret that could not be read has its own problem; do not also call it missing.
    unread = {problem.key for problem in problems}
    problems += [
        problem for problem in found if problem.key not in unread and f"{problem.key}_file" not in unread
    ]
    return config
