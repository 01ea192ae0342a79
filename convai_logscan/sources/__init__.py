"""Where bytes come from: one function a kind of input, all giving a `Source`."""

from convai_logscan.sources.plain import from_file, from_stream
from convai_logscan.sources.text import Source

__all__ = ["Source", "from_file", "from_stream"]
