"""Logs behind a URL, by fsspec; needs the extra `remote`. Read as they come, never stored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from convai_logscan.errors import SourceError
from convai_logscan.model import Skipped
from convai_logscan.sources.limits import Budget, Limits
from convai_logscan.sources.opener import Item, opened
from convai_logscan.sources.stream import BLOCK, Stream

INSTALL = "pip install 'convai-logscan[remote]'"


def in_url(url: str, limits: Limits) -> Iterator[Item]:
    """Yield what a URL leads to: a file, or a pattern or folder where the service has such."""
    name = shown(url)
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        yield Skipped(name, f"reading a URL needs fsspec ({INSTALL})")
        return
    try:
        system, path = url_to_fs(url)
        places = _places(system, path)
    except Exception as error:  # noqa: BLE001 (each service has errors of its own)
        yield Skipped(name, f"it cannot be reached: {_said(error)}")
        return
    if not places:
        yield Skipped(name, "nothing is there")
    for place in places:
        one = name if place == path else shown(system.unstrip_protocol(place))
        try:
            handle: BinaryIO = system.open(place, "rb")
        except Exception as error:  # noqa: BLE001 (each service has errors of its own)
            yield Skipped(one, f"it cannot be read: {_said(error)}")
            continue
        with handle:
            random = handle if handle.seekable() else None
            yield from opened(
                one, Stream(_blocks(handle), random), Budget(limits), named=len(places) == 1
            )


def shown(url: str) -> str:
    """Return a URL without what may be a secret: user, password, query and fragment.

    fsspec chains URLs by `::`; each of them is cleaned.
    """
    return "::".join(_shown(part) for part in url.split("::"))


def _shown(url: str) -> str:
    scheme, sign, rest = url.partition("://")
    if not sign:
        return url
    host, slash, path = rest.partition("#")[0].partition("?")[0].partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


def _places(system: Any, path: str) -> list[str]:  # noqa: ANN401 (fsspec has no types)
    """Return the files that a path means; the web has no folders and no patterns."""
    if system.protocol in {"http", "https"} or set(system.protocol) & {"http", "https"}:
        return [path]
    if any(sign in path for sign in "*?["):
        return sorted(system.glob(path))
    return sorted(system.find(path)) if system.isdir(path) else [path]


def _blocks(handle: BinaryIO) -> Iterator[bytes]:
    while True:
        try:
            block = handle.read(BLOCK)
        except Exception as error:  # each service has errors of its own
            raise SourceError(f"reading stopped: {_said(error)}") from error
        if not block:
            return
        yield block


def _said(error: Exception) -> str:
    """Return what went wrong without the address, which may hold a secret.

    What the network said stands behind what the service made of it.
    """
    said = next((words for one in _chain(error) if (words := _words(one))), None)
    return said or type(error).__name__


def _chain(error: BaseException) -> list[BaseException]:
    """Return an error and what it came from, the origin first."""
    found: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in found:
        found.insert(0, one)
        one = one.__cause__ or one.__context__
    return found


def _words(error: BaseException) -> str | None:
    """Return what one error says in plain words, or None where it says nothing of its own."""
    import socket
    import ssl

    status = getattr(error, "status", None)
    if isinstance(status, int) and status >= 400:
        missing = "there is no such file: " if status in {404, 410} else ""
        return f"{missing}the server answered {status}"
    if isinstance(error, ModuleNotFoundError):
        if error.name == "aiohttp":
            return f"it needs aiohttp ({INSTALL})"
        return f"it needs {error.name} (pip install {error.name})"
    if isinstance(error, socket.gaierror):
        return "the name of the host cannot be resolved"
    if isinstance(error, ConnectionRefusedError):
        return "the connection was refused"
    if isinstance(error, TimeoutError):
        return "no answer came in time"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {(error.reason or 'no reason given').lower().replace('_', ' ')}"
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, ValueError):
        unknown = str(error).startswith("Protocol not known")
        return "no service is known for such an address" if unknown else "this is no valid address"
    return error.strerror.lower() if isinstance(error, OSError) and error.strerror else None
