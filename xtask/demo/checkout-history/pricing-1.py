"""What an order costs."""


def goods(order):
    """The things themselves."""
    return sum(item.cents * item.count for item in order.items)
