"""Say why a Convai character does not connect, hear or speak, from a Unity log."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("convai-logscan")
except PackageNotFoundError:  # run from a checkout that was never installed
    __version__ = "0+unknown"
