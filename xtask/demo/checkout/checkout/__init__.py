"""What a customer pays."""
