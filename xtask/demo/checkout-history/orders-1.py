"""What a customer has ordered."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Item:
    """So many of one thing."""

    name: str
    cents: int
    grams: int
    count: int = 1


@dataclass(frozen=True)
class Order:
    """Things, and where they go."""

    zone: str
    items: list = field(default_factory=list)
