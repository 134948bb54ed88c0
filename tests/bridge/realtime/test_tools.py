"""Functions as tools: their definitions, their arguments, and what cannot be a tool."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from openai.types.realtime import RealtimeFunctionTool
from pydantic import BaseModel, Field

from talkpath.bridge.realtime.tools import (
    CallContext,
    ToolError,
    ToolLoadError,
    ToolRegistry,
    make_tool,
)

CALL = CallContext("c-1", caller="+4930")


class Size(StrEnum):
    SMALL = "small"
    LARGE = "large"


class Address(BaseModel):
    street: str
    number: int


def order(
    call: CallContext,
    dish: str,
    size: Size,
    *,
    count: Annotated[int, Field(ge=1, le=9)] = 1,
    where: Literal["here", "home"] = "here",
    address: Address | None = None,
) -> dict[str, Any]:
    """Order something to eat.

    Only during opening hours.

    Args:
        dish: what to eat,
            in the words of the menu.
        size (Size): how much of it.
        count: how many.

    Returns:
        The order.
    """
    return {"caller": call.caller, "dish": dish, "size": size, "count": count, "where": where, "to": address}


def hang_up() -> None:
    """A name that is taken."""


def untyped(city) -> str:  # type: ignore[no-untyped-def]  # noqa: ANN001, RUF100 - that is the point
    return str(city)


def variadic(*cities: str) -> str:
    return "".join(cities)


def of_a_socket(line: type[Any] | Exception) -> None:
    """An argument that JSON cannot express."""
    del line


not_a_function = 3


def test_signature_and_docstring_become_the_definition() -> None:
    definition = make_tool(order).definition
    assert definition.name == "order"
    assert definition.description == "Order something to eat.\n\nOnly during opening hours."
    properties = definition.parameters["properties"]
    assert list(properties) == ["dish", "size", "count", "where", "address"]
    assert properties["dish"]["description"] == "what to eat, in the words of the menu."
    assert properties["size"]["description"] == "how much of it."
    assert (properties["count"]["minimum"], properties["count"]["maximum"]) == (1, 9)
    assert properties["where"]["enum"] == ["here", "home"]
    assert definition.parameters["required"] == ["dish", "size"]
    assert definition.parameters["additionalProperties"] is False
    RealtimeFunctionTool.model_validate(definition.wire())


def test_arguments_are_converted_to_what_the_function_wants() -> None:
    tool = make_tool(order)
    address = {"street": "Main", "number": "4"}
    positional, keywords = tool.bind(
        {"dish": "soup", "size": "large", "count": "2", "address": address}, CALL
    )
    assert positional == (CALL,)
    assert keywords["size"] is Size.LARGE
    assert keywords["count"] == 2
    assert keywords["address"] == Address(street="Main", number=4)
    assert tool.function(*positional, **keywords)["caller"] == "+4930"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"size": "large"}, "dish: Field required"),
        ({"dish": "soup", "size": "huge"}, "size:"),
        ({"dish": "soup", "size": "large", "count": 12}, "count:"),
        ({"dish": "soup", "size": "large", "spoon": True}, "spoon: Extra"),
    ],
)
def test_wrong_arguments_are_explained_to_the_model(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ToolError) as caught:
        make_tool(order).bind(arguments, CALL)
    assert words in str(caught.value)


def test_a_long_list_of_mistakes_is_cut_and_names_no_values() -> None:
    with pytest.raises(ToolError) as caught:
        make_tool(order).bind({f"secret{n}": "4711-pin" for n in range(50)}, CALL)
    assert len(str(caught.value)) < 500
    assert "4711-pin" not in str(caught.value)


def test_tools_are_loaded_by_reference_in_order() -> None:
    registry = ToolRegistry.load([f"{__name__}:order"])
    assert [definition.name for definition in registry.definitions()] == ["order"]
    assert registry.get("order") is not None
    assert registry.get("other") is None


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("order", "module:function"),
        ("no.such.module:order", "cannot be imported"),
        (f"{__name__}:nothing", "has no 'nothing'"),
        (f"{__name__}:not_a_function", "is not a function"),
        (f"{__name__}:hang_up", "built in"),
        (f"{__name__}:untyped", "needs a type for its argument 'city'"),
        (f"{__name__}:variadic", "only named ones"),
        (f"{__name__}:of_a_socket", "cannot be described"),
    ],
)
def test_what_cannot_be_a_tool_is_refused_with_its_reason(reference: str, words: str) -> None:
    with pytest.raises(ToolLoadError) as caught:
        ToolRegistry.load([reference])
    assert words in str(caught.value)


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(ToolLoadError, match="Two tools"):
        ToolRegistry([make_tool(order), make_tool(order)])


def test_a_lambda_has_no_name_to_call_it_by() -> None:
    with pytest.raises(ToolLoadError, match="named function"):
        make_tool(lambda: 1)
