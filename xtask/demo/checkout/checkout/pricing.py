"""What it costs to send an order."""

from checkout.tollgate import quote


def shipping(order):
    """Every item as a parcel of its own."""
    return sum(quote(item.grams, order.zone) * item.count for item in order.items)


def express(order):
    """Everything at once by tomorrow, which costs double."""
    pallet = order.on_one_pallet()
    return 2 * quote(pallet.weight_kg, order.zone)


def goods(order):
    """The things themselves."""
    return sum(item.cents * item.count for item in order.items)
