"""What attributes of assets have in common: days, and mistakes told as people read them."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ValidationError

M = TypeVar("M", bound=BaseModel)


def _day(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a day → write it as 2021-05-31") from None
    return text


Day = Annotated[str, AfterValidator(_day)]


def read_attributes(model: type[M], attributes: Mapping[str, Any]) -> tuple[M | None, list[tuple[str, str]]]:
    """What an asset says of itself, or everything that is wrong with it: what, and what to do."""
    try:
        return model.model_validate(dict(attributes)), []
    except ValidationError as error:
        return None, [told for item in error.errors() for told in _told(dict(item))]


def _told(item: dict[str, Any]) -> Iterator[tuple[str, str]]:
    key = ".".join(map(str, item["loc"]))
    if item["type"] == "missing":
        yield f"{key!r} is missing", f"add the key {key!r}"
        return
    found = "" if item["type"] == "value_error" else f", found {item['input']!r}"
    for line in item["msg"].removeprefix("Value error, ").split("\n"):
        what, _, hint = line.partition(" → ")
        yield f"{key + ': ' if key else ''}{what}{found}", hint
