# SPDX-License-Identifier: Apache-2.0
"""What the API's fields hold: text in the forms that the packets' fields have."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from hectograph import wire


def _text(value: object) -> object:
    """Python's address types take numbers as well; JSON's formats are text."""
    if not isinstance(value, str | IPv4Address | IPv6Address):
        raise ValueError("must be a string")  # noqa: TRY004  pydantic wants ValueError
    return value


def _address(value: object) -> object:
    """Parsed here, so that what is neither family is one error and not one of each."""
    text = _text(value)
    return ip_address(text) if isinstance(text, str) else text


def _without_zone(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        raise ValueError("a zone has no place in a packet")
    return address


def _network(value: object) -> object:
    """Parsed here, so that the error is one line and not one for each form."""
    if isinstance(value, IPv6Network):
        return value
    return IPv6Network(_text(value))


def _distinct(ports: list[int]) -> list[int]:
    if len(set(ports)) < len(ports):
        raise ValueError("a port stands there twice")
    return sorted(ports)


def _in_order(names: list[str]) -> list[str]:
    """Also of a set, which has none."""
    if len(set(names)) < len(names):
        raise ValueError("a name stands there twice")
    return sorted(names)


Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
Mac = Annotated[
    str, Field(pattern=r"^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$"), AfterValidator(str.lower)
]
Ipv4 = Annotated[IPv4Address, BeforeValidator(_text)]
Ipv6 = Annotated[IPv6Address, BeforeValidator(_text), AfterValidator(_without_zone)]
Ipv6Prefix = Annotated[IPv6Network, BeforeValidator(_network)]
Address = Annotated[
    IPv4Address | IPv6Address, BeforeValidator(_address), AfterValidator(_without_zone)
]
Port = Annotated[int, Field(strict=True, ge=1, lt=wire.CPU_PORT)]
Ports = Annotated[
    list[Port],
    Field(
        min_length=1,
        max_length=wire.CPU_PORT - 1,
        fail_fast=True,
        json_schema_extra={"uniqueItems": True},
    ),
    AfterValidator(_distinct),
]
Names = Annotated[
    list[Name],
    Field(
        min_length=1,
        max_length=wire.CPU_PORT - 1,  # a host has a port of its own
        fail_fast=True,
        json_schema_extra={"uniqueItems": True},
    ),
    AfterValidator(_in_order),
]
TransportPort = Annotated[int, Field(strict=True, ge=1, le=65535)]
AbsolutePath = Annotated[str, Field(pattern=r"^/[^\x00]*$", max_length=4095)]
Positive = Annotated[int, Field(strict=True, ge=1, le=2**53 - 1)]
Flag = Annotated[bool, Field(strict=True)]


MAX_ERRORS = 10
"""So many are reported of one request; each costs more than what it is about."""


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, from_attributes=True)

    @model_validator(mode="before")
    @classmethod
    def _of_about_its_size(cls, value: Any) -> Any:  # noqa: ANN401  whatever JSON holds
        """One error, where there would be one for each of a million unknown fields."""
        if isinstance(value, dict):
            surplus = len(value) - len(cls.model_fields)  # pyright: ignore[reportUnknownArgumentType]
            if surplus > MAX_ERRORS:
                raise ValueError(f"has {surplus} fields more than there are")
        return value  # pyright: ignore[reportUnknownVariableType]
