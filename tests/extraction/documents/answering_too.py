"""Another module for the sandbox's child."""


def answer(arguments: list[str]) -> list[str]:
    """Return the arguments."""
    return arguments
