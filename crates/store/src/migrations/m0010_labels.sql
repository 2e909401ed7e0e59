-- Version 10: labels that were put on issues, by the number of the event; each is there once, by its name in `delivery`.

ALTER TABLE hook_deliveries ADD COLUMN label INTEGER;
