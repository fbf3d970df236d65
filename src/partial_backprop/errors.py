"""The one exception for what a user can mend."""


class UserError(Exception):
    """Something the user can mend: its message names the cause and the remedy in one line.

    The command line prints the message alone, without a traceback, and exits with status 2.
    """
