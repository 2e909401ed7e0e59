"""What the shop's pages ask for."""

from checkout import pricing
from checkout.tollgate import QuoteError, quote


def basket(order, by_tomorrow=False):
    """The total of an order, in cents, with its parts."""
    sending = pricing.express(order) if by_tomorrow else pricing.shipping(order)
    goods = pricing.goods(order)
    return {"goods": goods, "shipping": sending, "total": goods + sending}


def estimate(params):
    """The small box on a product's page: what would it cost to send this?"""
    try:
        return {"cents": quote(int(params["grams"]), params["zone"])}
    except QuoteError as error:
        return {"error": str(error)}
