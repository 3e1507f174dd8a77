"""The errors a user can meet, each with the exit code its command ends with."""


class GesticulateError(Exception):
    """Something the user can mend. The message says what was got, what was expected, what to do."""

    exit_code = 1


class UsageError(GesticulateError):
    """An argument, option or preset value that cannot mean anything."""

    exit_code = 2


class InputError(GesticulateError):
    """A photo, sound, video or pose file that cannot be used."""


class WeightsError(GesticulateError):
    """Weights that are missing, damaged, or cannot be fetched."""
