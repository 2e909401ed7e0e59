-- Version 10: labels that were put on issues, by the number of the event; each is there once, by its name in `delivery`. And issues
-- that were edited, by their numbers.

ALTER TABLE hook_deliveries ADD COLUMN label INTEGER;
ALTER TABLE hook_deliveries ADD COLUMN issue INTEGER;
