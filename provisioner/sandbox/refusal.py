"""The refusal of a simulated console."""


class ConsoleRefusal(Exception):  # noqa: N818 (the console refuses; nothing went wrong)
    """The console does not do that. The message is what it shows."""
