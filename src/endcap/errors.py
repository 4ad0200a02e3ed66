"""Every error that Endcap raises on purpose.

EndcapError                 one sentence of what came, what was expected, how to mend it
├── SourceError             a file cannot be read, or its format is not recognised
├── ConfigError             endcap.toml or a --set value is wrong
├── FilterError             a filter is wrong: where, what stands there, what may
├── DataError               the tables are there, but cannot carry what was asked
├── StateError              a step that must come first has not been done yet
├── ReleaseError            a release is missing, damaged or refused
└── TrainingError           a fit cannot go on (a loss that is not a number, say)

The command line prints them without a traceback and exits with 1; the service answers
them as ``application/problem+json``. Anything else that escapes is a defect of ours.
"""

from collections.abc import Sequence
from difflib import get_close_matches


class EndcapError(Exception):
    """What came, what was expected, and how to mend it."""

    def __init__(self, came: str, *, expected: str = "", mend: str = "") -> None:
        self.came, self.expected, self.mend = came, expected, mend
        parts = [came, expected and f"Expected {expected}", mend]
        super().__init__(" ".join(f"{part.rstrip('.')}." for part in parts if part))


def words(error: BaseException) -> str:
    """The first line of what an error of another library says; its type where it says nothing.

    >>> words(ValueError("first\\nsecond")), words(KeyError())
    ('first', 'KeyError')
    """
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def no_such(kind: str, wrong: str, names: Sequence[str]) -> str:
    """That there is no such setting or field, what there is instead, and what is perhaps meant.

    >>> no_such("field", "usr_id", ["user_id", "n"])
    'there is no such field, but user_id, n; perhaps user_id is meant'
    """
    alike = get_close_matches(wrong, names, n=1)
    meant = f"; perhaps {alike[0]} is meant" if alike else ""
    return f"there is no such {kind}, but {', '.join(names)}{meant}"


class SourceError(EndcapError):
    """A file cannot be read, or its format is not recognised."""


class ConfigError(EndcapError):
    """A setting is unknown or has a value that is not allowed."""


class FilterError(EndcapError):
    """A filter is wrong. at: the place of what is wrong, in characters from 1."""

    def __init__(self, at: int, found: str, expected: str) -> None:
        self.at = at
        super().__init__(f"The filter has {found} at character {at}", expected=expected)


class DataError(EndcapError):
    """The tables cannot carry what was asked of them."""


class StateError(EndcapError):
    """A step that must come first has not been done yet."""


class ReleaseError(EndcapError):
    """A release is missing, damaged or refused."""


class TrainingError(EndcapError):
    """A fit cannot go on."""
