"""From results to text for people and JSON for machines. Strings only."""
