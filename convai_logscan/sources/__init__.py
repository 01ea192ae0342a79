"""Where bytes come from: one function a kind of input, all giving a `Source`, lazily."""

from convai_logscan.sources.limits import Limits
from convai_logscan.sources.paths import in_paths, one_log
from convai_logscan.sources.plain import Pipe, from_file, from_stream
from convai_logscan.sources.text import Source

__all__ = ["Limits", "Pipe", "Source", "from_file", "from_stream", "in_paths", "one_log"]
