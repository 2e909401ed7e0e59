"""What the shop's pages ask for."""

from checkout import pricing


def basket(order, by_tomorrow=False):
    """The total of an order, in cents, with its parts."""
    sending = pricing.express(order) if by_tomorrow else pricing.shipping(order)
    goods = pricing.goods(order)
    return {"goods": goods, "shipping": sending, "total": goods + sending}
