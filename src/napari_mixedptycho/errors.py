"""What goes wrong in ways that a user can do something about, said in one sentence."""


class InputError(ValueError):
    """Input that cannot be used: one sentence that says what was found, where, and what to do."""


class DivergedError(ArithmeticError):
    """A reconstruction that has left the numbers: one sentence says which unknown did, and what to do."""


class FarError(RuntimeError):
    """An error of another process: its name and what it says."""
