"""The one exception for user-correctable errors."""

import re


class UserError(Exception):
    """A user-correctable error: its message names the cause and the remedy in one line.

    The command line prints the message alone, without a traceback, and exits with status 2.

    Parameters
    ----------
    message : str
        Cause and remedy. Line breaks, which a name or value quoted in it may bring, become blanks.
    """

    def __init__(self, message: str) -> None:
        super().__init__(re.sub(r"\s*[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]\s*", " ", message))
