"""What everything else is built from: pure data and pure decisions, no I/O."""
