"""Say why a Convai character does not connect, hear or speak, from a Unity log."""

__version__ = "0.1.0"
