"""What a customer has ordered."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Item:
    """So many of one thing; each is sent as a parcel of its own."""

    name: str
    cents: int
    grams: int
    count: int = 1


@dataclass(frozen=True)
class Pallet:
    """Everything of an order on one pallet, as the haulier weighs it."""

    weight_kg: float


@dataclass(frozen=True)
class Order:
    """Things, and where they go."""

    zone: str
    items: list = field(default_factory=list)

    def on_one_pallet(self):
        """The whole order as one piece."""
        return Pallet(sum(item.grams * item.count for item in self.items) / 1000)
