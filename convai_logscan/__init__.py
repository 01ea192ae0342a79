"""Say why a Convai character does not connect, hear or speak, from a Unity log."""


def __getattr__(name: str) -> str:
    """Return `__version__`; the library that knows it is slow to import."""
    if name != "__version__":
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("convai-logscan")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "0+unknown"
