"""Plain Python functions as tools of the agent.

A function with type hints and a docstring is all there is to write::

    def opening_hours(call: CallContext, city: str, day: str = "today") -> str:
        '''Tell when the shop is open.

Args:
            city: the city of the shop.
            day: a weekday, or "today".
        '''

Its name, its docstring and its arguments become the definition that the model sees; what the model sends
is validated against the hints before the function runs.
"""

from __future__ import annotations

import importlib
import inspect
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_type_hints

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PydanticSchemaGenerationError,
    ValidationError,
    create_model,
)
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUndefinedAnnotation

from talkpath.bridge.realtime.settings import ToolDefinition
from talkpath.bridge.tracing.ids import traceparent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What the service accepts as the name of a function."""


@dataclass(frozen=True, slots=True)
class CallContext:
    """What a tool may know about the call. Everything that came from the caller is untrusted."""

    call_id: str
    sip_call_id: str = ""
    caller: str = ""
    """Number or URI of the caller."""
    called: str = ""
    """Number or URI that was called."""
    headers: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    """What configured headers of the INVITE said, by the names of the configuration; made harmless."""
    variables: dict[str, Any] = field(default_factory=dict)
    """Room for the tools of one call to remember things for each other."""

    @property
    def traceparent(self) -> str:
        """Header of W3C Trace Context: with it, what a tool asks of other services joins the call's trace."""
        return traceparent(self.call_id)


class ToolError(Exception):
    """Raise it in a tool to tell the model in plain words what went wrong."""


class ToolLoadError(ValueError):
    """A tool that is configured cannot be used; the sentence says which and why."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A function, its definition for the model, and the model of its arguments."""

    definition: ToolDefinition
    function: Callable[..., Any]
    arguments: type[BaseModel]
    wants_call: bool
    is_async: bool

    def bind(self, arguments: dict[str, Any], call: CallContext) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Validate arguments from the model into positional and keyword arguments.

        Raises:
            ToolError: they do not fit; the words are meant for the model.
        """
        try:
            valid = self.arguments.model_validate(arguments)
        except ValidationError as error:
            raise ToolError(_complaint(error)) from None
        keywords = {name: getattr(valid, name) for name in type(valid).model_fields}
        return ((call,) if self.wants_call else ()), keywords


RESERVED = frozenset(
    {
        "accept_call",
        "collect_digits",
        "decline_call",
        "hang_up",
        "pause_recording",
        "resume_recording",
        "send_dtmf",
        "start_recording",
        "transfer_call",
    }
)
"""Names of tools that the bridge carries out itself (`talkpath.bridge.call.abilities`)."""


class ToolRegistry:
    """The tools of one agent, by name."""

    def __init__(self, tools: Iterable[Tool] = ()) -> None:
        self._tools: dict[str, Tool] = {}
        for tool in tools:
            self._add(tool)

    @classmethod
    def load(cls, references: Iterable[str]) -> ToolRegistry:
        """Import tools by ``module:function``.

        Raises:
            ToolLoadError: a reference is wrong, or its function cannot be a tool.
        """
        return cls(make_tool(_import(reference)) for reference in references)

    def definitions(self) -> tuple[ToolDefinition, ...]:
        """What the model is told, in the order of the configuration."""
        return tuple(tool.definition for tool in self._tools.values())

    def get(self, name: str) -> Tool | None:
        """The tool of that name, or None."""
        return self._tools.get(name)

    def _add(self, tool: Tool) -> None:
        name = tool.definition.name
        if name in RESERVED:
            raise ToolLoadError(f"The tool name {name!r} is built in. Rename your function.")
        if name in self._tools:
            raise ToolLoadError(f"Two tools are named {name!r}. Rename one of the functions.")
        self._tools[name] = tool


def make_tool(function: Callable[..., Any]) -> Tool:
    """Make a tool of a function.

    Raises:
        ToolLoadError: an argument has no type, a type that JSON cannot express, or is variadic.
    """
    name = getattr(function, "__name__", "")
    if not callable(function) or not _NAME.fullmatch(name):
        raise ToolLoadError(f"{function!r:.80} cannot be a tool: it is not a named function.")
    summary, described = _docstring(inspect.getdoc(function) or "")
    try:
        hints = get_type_hints(function, include_extras=True)
        parameters = list(inspect.signature(function).parameters.values())
        wants_call = bool(parameters) and _is_context(hints.get(parameters[0].name))
        fields = {
            parameter.name: _field(name, parameter, hints, described)
            for parameter in parameters[1 if wants_call else 0 :]
        }
        model = create_model(name, __config__=ConfigDict(extra="forbid"), **fields)  # type: ignore[call-overload]  # fields are computed
        schema = model.model_json_schema()
    except (
        NameError,
        TypeError,
        PydanticUndefinedAnnotation,
        PydanticSchemaGenerationError,
        PydanticInvalidForJsonSchema,
    ) as error:
        raise ToolLoadError(f"The tool {name!r} cannot be described to the model: {error}") from error
    schema.pop("title", None)
    definition = ToolDefinition(name=name, description=summary, parameters=schema)
    return Tool(definition, function, model, wants_call, inspect.iscoroutinefunction(function))


def _field(
    tool: str, parameter: inspect.Parameter, hints: dict[str, Any], described: dict[str, str]
) -> tuple[Any, Any]:
    if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY}:
        raise ToolLoadError(f"The tool {tool!r} has the argument {parameter}: only named ones can be used.")
    if parameter.name not in hints:
        raise ToolLoadError(f"The tool {tool!r} needs a type for its argument {parameter.name!r}.")
    if parameter.name.startswith("_") or hasattr(BaseModel, parameter.name):
        raise ToolLoadError(f"The tool {tool!r} must name its argument {parameter.name!r} differently.")
    default = ... if parameter.default is parameter.empty else parameter.default
    return hints[parameter.name], Field(default, description=described.get(parameter.name))


def _is_context(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, CallContext)


def _import(reference: str) -> Callable[..., Any]:
    module_name, _, attribute = reference.partition(":")
    if not module_name or not attribute:
        raise ToolLoadError(f"The tool {reference!r} must be written as module:function.")
    try:
        function = getattr(importlib.import_module(module_name), attribute)
    except ImportError as error:
        raise ToolLoadError(f"The module of the tool {reference!r} cannot be imported: {error}") from error
    except AttributeError:
        raise ToolLoadError(f"The module {module_name!r} has no {attribute!r} to use as a tool.") from None
    if not callable(function):
        raise ToolLoadError(f"The tool {reference!r} is not a function.")
    return function  # type: ignore[no-any-return]  # checked to be callable on the line above


_ARGUMENT = re.compile(r"(?P<indent>\s+)(?P<name>\w+)(?:\s*\([^)]*\))?:\s*(?P<text>.*)")


def _docstring(text: str) -> tuple[str, dict[str, str]]:
    """Split a Google-style docstring into what the tool does and what its arguments are."""
    prose: list[str] = []
    arguments: dict[str, str] = {}
    section, last = "", ""
    for line in text.splitlines():
        header = re.fullmatch(r"(Args|Arguments|Returns|Raises|Yields|Example|Examples|Note|Notes):", line)
        if header:
            section = header[1]
        elif section not in {"Args", "Arguments"}:
            prose += [line] if not section else []
        elif (match := _ARGUMENT.fullmatch(line)) and len(match["indent"]) <= 4:
            last = match["name"]
            arguments[last] = match["text"]
        elif last and line.strip():
            arguments[last] = f"{arguments[last]} {line.strip()}".strip()
    return "\n".join(prose).strip(), arguments


def _complaint(error: ValidationError) -> str:
    """What is wrong with the arguments, short enough for the model, without their values."""
    problems = [
        f"{'.'.join(str(part) for part in one['loc']) or 'arguments'}: {one['msg']}"
        for one in error.errors(include_url=False, include_input=False, include_context=False)[:5]
    ]
    return f"Wrong arguments. {'; '.join(problems)}"
