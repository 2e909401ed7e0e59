"""Prices of orders, with a tariff that is easy to count in the head."""

import unittest
from unittest import mock

from checkout import api, pricing
from checkout.orders import Item, Order


def per_gram(grams, zone):
    """One cent per gram, double to the world."""
    return grams * (2 if zone == "world" else 1)


class Shipping(unittest.TestCase):
    def setUp(self):
        for place in ("checkout.pricing.quote", "checkout.api.quote"):
            patch = mock.patch(place, per_gram)
            patch.start()
            self.addCleanup(patch.stop)

    def test_every_item_is_a_parcel(self):
        order = Order("domestic", [Item("mug", 900, 400, count=2), Item("pen", 200, 20)])
        self.assertEqual(pricing.shipping(order), 820)

    def test_the_zone_counts(self):
        order = Order("world", [Item("mug", 900, 400)])
        self.assertEqual(api.basket(order), {"goods": 900, "shipping": 800, "total": 1700})

    def test_an_estimate_needs_no_order(self):
        self.assertEqual(api.estimate({"grams": "250", "zone": "domestic"}), {"cents": 250})
