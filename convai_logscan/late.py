"""Patterns that are compiled when they are first used: most logs need few of them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any


class Late:
    """A pattern, not compiled yet; what it can do is bound to it then."""

    def __init__(self, source: str, flags: int = 0) -> None:
        """Take what `re.compile` takes."""
        self._source, self._flags = source, flags

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (whatever a pattern has)
        if name.startswith("__"):  # what copying asks for
            raise AttributeError(name)
        value = getattr(re.compile(self._source, self._flags), name)
        self.__dict__[name] = value  # found at once the next time
        return value


if TYPE_CHECKING:

    def late(source: str, flags: int = 0) -> re.Pattern[str]:
        """Return a pattern that is compiled when it is first used."""
else:
    late = Late
