"""The one exception that a user sees."""

from __future__ import annotations


class UserError(Exception):
    """Something that the user can mend: one sentence saying what, where and how.

    The command line prints it and exits non-zero.
    """
