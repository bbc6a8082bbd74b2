"""The one exception that means "the input is wrong, and here is what to do"."""


class InputError(ValueError):
    """Input that cannot be used: one sentence that says what was found, where, and what to do."""
