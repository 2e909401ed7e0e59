"""What the shop's pages ask for."""

from checkout import pricing


def basket(order):
    """The total of an order, in cents, with its parts."""
    sending = pricing.shipping(order)
    goods = pricing.goods(order)
    return {"goods": goods, "shipping": sending, "total": goods + sending}
