"""The glossary: one frozen class for each kind of thing a log can say.

A class is named after what happened, never after a verdict. Its name in `snake_case` is the name
of its rule in `grammars/`, of its atoms in the rows of the table, and of its lines in `events`.
Fields are what the line says; a field that a wording leaves out is None.

Class facts: `phase` places the event on a session's timeline; `strength` is how much a diagnosis
may rest on it (high: a code or a reason was printed; medium: only words; low: opaque words);
`echo` marks lines that only repeat that something else failed; `transport` marks lines that are
printed at Debug of category Transport, so that their absence proves nothing where that is off.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, ClassVar, Literal

from msgspec import Struct

from convai_logscan.model import Confidence, Where


class Event(Struct, frozen=True, kw_only=True):
    """Something a log said, and where."""

    where: Where

    phase: ClassVar[str | None] = None
    strength: ClassVar[Confidence] = "medium"
    echo: ClassVar[bool] = False
    transport: ClassVar[bool] = False

    @property
    def kind_name(self) -> str:
        """Return the event's name, as rows and reports write it."""
        return kind_of(type(self))

    @property
    def weight(self) -> Confidence:
        """Return how much this very line carries: `strength`, or high where it names a reason."""
        vague = VAGUE_CODES.get(str(getattr(self, "code", None)))
        return vague or ("high" if self.names_reason else self.strength)

    @property
    def names_reason(self) -> bool:
        """Say whether a dotted code, an HTTP status or LiveKit's own reason stands in the line."""
        return False


@cache
def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def kind_of(event: type[Event]) -> str:
    """Return the name of a kind of event: `LkConnected` is `lk_connected`."""
    if event.__name__ == "ExceptionRaised":  # `Exception` is taken
        return "exception"
    return _snake(event.__name__)


# --- Unity: header, packages, runs -------------------------------------------------------------


class UnityHeader(Event, frozen=True, kw_only=True):
    """The engine says its version: `Initialize engine version: …` and its editor forms."""

    version: str


class UnityOs(Event, frozen=True, kw_only=True):
    """The operating system of the machine (`OS: '…'`, `System name:`, `macOS version:`)."""

    os: str


class UnityBuild(Event, frozen=True, kw_only=True):
    """A line that tells editor from player.

    kind: editor, player, development.
    """

    kind: str


class UnityDate(Event, frozen=True, kw_only=True):
    """An absolute time: kind is `date` (ISO text) or `utp` (epoch milliseconds)."""

    kind: str
    value: str


class EngineStart(Event, frozen=True, kw_only=True):
    """A new run begins in this file."""

    phase: ClassVar[str | None] = "start"


class PlayMode(Event, frozen=True, kw_only=True):
    """The editor enters play mode: every running session is over."""

    phase: ClassVar[str | None] = "start"


class Package(Event, frozen=True, kw_only=True):
    """A package that the Package Manager names: version is what stands after `@`, a version, URL or path.

    kind: registered (in the list of all packages), refused (what it depends on is missing).
    """

    name: str
    version: str
    kind: str = "registered"


class PackageError(Event, frozen=True, kw_only=True):
    """The Package Manager could not find or resolve a package."""

    name: str | None = None
    message: str | None = None


class CompileError(Event, frozen=True, kw_only=True):
    """A C# compiler error; `owner` is convai, livekit or other, by path and symbol."""

    code: str
    message: str
    file: str | None = None


class BuildFailed(Event, frozen=True, kw_only=True):
    """The SDK's build processor refused or lost the stored credentials.

    kind: restore, no_asset, in_package, no_fields.
    """

    kind: str


class ExceptionRaised(Event, frozen=True, kw_only=True):
    """An exception head line, and the frames under it, one a line.

    owner: whose frames they are: `other`, `livekit` or unknown.
    """

    type: str
    message: str | None = None
    owner: str | None = None
    stack: str | None = None


class DllMissing(Event, frozen=True, kw_only=True):
    """A native library could not be loaded.

    kind: not_found, symbol (`cannot locate symbol`), arch (wrong architecture).
    """

    lib: str
    kind: str
    strength: ClassVar[Confidence] = "high"


class EntrypointMissing(Event, frozen=True, kw_only=True):
    """A native library lacks a function that the managed side calls."""

    name: str
    strength: ClassVar[Confidence] = "high"


class FfiUnknownRequest(Event, frozen=True, kw_only=True):
    """The native LiveKit library is older than the managed side."""

    type: str
    strength: ClassVar[Confidence] = "high"


# --- Convai: start-up --------------------------------------------------------------------------


class BootInit(Event, frozen=True, kw_only=True):
    """`Convai Bootstrapper: Initializing...`."""

    phase: ClassVar[str | None] = "start"


class BootSettingsMissing(Event, frozen=True, kw_only=True):
    """The ConvaiSettings asset was not found."""

    phase: ClassVar[str | None] = "start"


class BootKeyMissing(Event, frozen=True, kw_only=True):
    """The API key is not configured (start-up warning)."""

    phase: ClassVar[str | None] = "start"


class BootAuthMode(Event, frozen=True, kw_only=True):
    """The project uses Auth Token mode; not an error."""

    phase: ClassVar[str | None] = "start"


class BootDone(Event, frozen=True, kw_only=True):
    """`Convai Bootstrapper: Initialization complete.`, printed after errors too."""

    phase: ClassVar[str | None] = "start"


class RuntimeStarted(Event, frozen=True, kw_only=True):
    """`[ConvaiRuntime] Started successfully`."""

    phase: ClassVar[str | None] = "start"


class RuntimePaused(Event, frozen=True, kw_only=True):
    """The runtime paused; kind is the printed reason in snake case."""

    reason: str


class CredentialsMissing(Event, frozen=True, kw_only=True):
    """Room start-up found no credentials (`Runtime credentials are not configured` and kin)."""

    phase: ClassVar[str | None] = "start"


class AuthTokenError(Event, frozen=True, kw_only=True):
    """Auth Token mode could not get or use a token.

    kind: insecure, no_response, transport_failed, http, malformed, field_missing, field_empty,
    bad_expiration, delegate, provider_missing, provider_failed, mode_required, empty_token,
    empty_user, editor_key, rejected.
    """

    kind: str
    status: int | None = None
    field: str | None = None


class StartupError(Event, frozen=True, kw_only=True):
    """The room manager could not start.

    kind: not_injected, factory_missing, adapter, no_active_character, no_target, not_started,
    no_player, no_character, wrong_character, controller.
    """

    kind: str
    phase: ClassVar[str | None] = "start"


class StartupTimeout(Event, frozen=True, kw_only=True):
    """A connect gave up waiting for the manager or the host to start."""

    phase: ClassVar[str | None] = "start"


# --- Convai: connect ---------------------------------------------------------------------------


class ConnectRequest(Event, frozen=True, kw_only=True):
    """A connect was asked for; kind: waiting, starting, create, rejoin, initializing."""

    kind: str
    character: str | None = None
    url: str | None = None
    phase: ClassVar[str | None] = "connect"


class ConnectAttempt(Event, frozen=True, kw_only=True):
    """`Attempt {n} connecting character …` or `Room connection attempt {n} …`."""

    n: int
    character: str | None = None
    mode: str | None = None
    phase: ClassVar[str | None] = "connect"


class ConnectOk(Event, frozen=True, kw_only=True):
    """The SDK's own success line of a connect (the room, not yet the character)."""

    character: str | None = None
    mode: str | None = None
    phase: ClassVar[str | None] = "media"


class ConnectGiveup(Event, frozen=True, kw_only=True):
    """The SDK stopped trying."""

    character: str | None = None
    attempts: int | None = None
    phase: ClassVar[str | None] = "end"


class ConnectFailed(Event, frozen=True, kw_only=True):
    """A line that repeats that the connect failed; kind names the class of the line.

    kind: room, transport, coordinator, character, attempt, cancelled.
    """

    kind: str
    reason: str | None = None
    echo: ClassVar[bool] = True
    strength: ClassVar[Confidence] = "low"


class JoinFallback(Event, frozen=True, kw_only=True):
    """Joining a stored room failed; a new one is created."""

    room: str | None = None


class ConnectLazy(Event, frozen=True, kw_only=True):
    """The manager waits for somebody to call ConnectAsync."""


class RoomDetails(Event, frozen=True, kw_only=True):
    """The Connect API's answer, in any form; `inferred` when only its consequence was seen."""

    token: str | None = None  # a placeholder, or None
    room_name: str | None = None
    room_url: str | None = None
    session_id: str | None = None
    character_session_id: str | None = None
    request_trace_id: str | None = None
    inferred: bool = False
    phase: ClassVar[str | None] = "room"
    strength: ClassVar[Confidence] = "high"
    transport: ClassVar[bool] = True


class RoomSummary(RoomDetails, frozen=True, kw_only=True):
    """The readable `Token: …; Room Name: …` line. A row's `room_details` is met by it too."""


class RoomInitOutcome(Event, frozen=True, kw_only=True):
    """The failure outcome of the connect request (`Room init failure outcome`, `kind=Failed`)."""

    category: str | None = None
    status: int | None = None
    code: str | None = None
    recoverable: bool | None = None
    message: str | None = None
    phase: ClassVar[str | None] = "connect"
    strength: ClassVar[Confidence] = "high"
    transport: ClassVar[bool] = True


class RestFailed(Event, frozen=True, kw_only=True):
    """The connect request failed.

    status: HTTP status, None where none was had (0 counts as none).
    code: the SDK's code for it, by status and body, where it can be told.
    kind: http, network, timeout, refused (by the client itself), contract, parse, no_token, other.
    """

    kind: str = "other"
    status: int | None = None
    code: str | None = None
    message: str | None = None
    detail: str | None = None
    phase: ClassVar[str | None] = "connect"

    @property
    def names_reason(self) -> bool:
        """Say whether the line names what went wrong."""
        return self.status is not None and self.status >= 400


class UnclassifiedConnect(Event, frozen=True, kw_only=True):
    """`[ConnectAPI] Unclassified response ({status}). Falling back to '{code}'. …`."""

    status: int
    code: str
    body: str | None = None
    phase: ClassVar[str | None] = "connect"
    strength: ClassVar[Confidence] = "high"


class StoredSessionInvalid(Event, frozen=True, kw_only=True):
    """The stored character session id was refused and is dropped."""


class StoredSession(Event, frozen=True, kw_only=True):
    """The character session id that the SDK keeps for a character."""

    character: str
    character_session_id: str


class ClientRefusal(Event, frozen=True, kw_only=True):
    """The SDK refused a connect request before sending it.

    kind: character_id, service_url, end_user_id, action_config, roster, other.
    """

    kind: str
    strength: ClassVar[Confidence] = "high"


# --- Convai: transport and session state -------------------------------------------------------


class Endpoint(Event, frozen=True, kw_only=True):
    """`Connecting to LiveKit endpoint: …`: the Connect API has answered."""

    host: str | None = None
    phase: ClassVar[str | None] = "signal"


class LkConnected(Event, frozen=True, kw_only=True):
    """The LiveKit room is joined."""

    room: str | None = None
    phase: ClassVar[str | None] = "media"


class LkConnectFailed(Event, frozen=True, kw_only=True):
    """The LiveKit connect failed; reason is None where the line is opaque."""

    reason: str | None = None
    phase: ClassVar[str | None] = "signal"
    strength: ClassVar[Confidence] = "low"

    @property
    def names_reason(self) -> bool:
        """Say whether the line names what went wrong."""
        return self.reason is not None


class LinkState(Event, frozen=True, kw_only=True):
    """A state of the LiveKit link or the transport (not of the session)."""

    state: str
    transport: ClassVar[bool] = True


class TransportDisconnected(Event, frozen=True, kw_only=True):
    """`Transport disconnected with reason: …`; on native the reason says nothing."""

    reason: str
    transport: ClassVar[bool] = True


class SessionTransition(Event, frozen=True, kw_only=True):
    """The session's state changed; states in the enum's words."""

    from_state: str
    to_state: str
    code: str | None = None

    @property
    def names_reason(self) -> bool:
        """Say whether the line names what went wrong."""
        return self.code is not None


class StateForced(Event, frozen=True, kw_only=True):
    """An invalid or forced session transition was warned about; kind: invalid, forced, error.

    kind `error` is a call that the state of the session did not allow, such as a connect while it
    is in error or still leaving.
    """

    kind: str
    from_state: str | None = None
    to_state: str | None = None


class SessionError(Event, frozen=True, kw_only=True):
    """A dotted code, printed by the SDK's metrics or by the game's own listener."""

    code: str
    message: str | None = None
    phase: ClassVar[str | None] = "end"
    strength: ClassVar[Confidence] = "high"


class ReconnectAttempt(Event, frozen=True, kw_only=True):
    """`Reconnection attempt #{n}`, counted since the application started."""

    n: int


class Reconnecting(Event, frozen=True, kw_only=True):
    """A line that says that the room is reconnecting."""

    room: str | None = None
    phase: ClassVar[str | None] = "talk"


class ReconnectOk(Event, frozen=True, kw_only=True):
    """The room reconnected."""

    n: int | None = None
    room: str | None = None
    phase: ClassVar[str | None] = "talk"


class ReconnectFailed(Event, frozen=True, kw_only=True):
    """`Reconnection failed (error: {code})`."""

    code: str | None = None
    phase: ClassVar[str | None] = "end"
    strength: ClassVar[Confidence] = "high"


class DisconnectRequested(Event, frozen=True, kw_only=True):
    """Somebody asked for the disconnect."""

    reason: str | None = None
    phase: ClassVar[str | None] = "end"


class RoomDisconnected(Event, frozen=True, kw_only=True):
    """The room is left, wanted or not."""

    room: str | None = None


class UnexpectedDrop(Event, frozen=True, kw_only=True):
    """`Room disconnected unexpectedly; clearing …`."""

    phase: ClassVar[str | None] = "end"


class SessionEnded(Event, frozen=True, kw_only=True):
    """`Session ended (clean disconnect|error recovery): …`; kind: clean_disconnect, error_recovery."""

    kind: str
    connected_time: str | None = None
    phase: ClassVar[str | None] = "end"


# --- Convai: readiness, usage, talk ------------------------------------------------------------


class CharacterReady(Event, frozen=True, kw_only=True):
    """The character is ready; kind: bot_ready, published, recovered."""

    kind: str
    character: str | None = None
    participant: str | None = None
    phase: ClassVar[str | None] = "ready"


class CharReadyTimeout(Event, frozen=True, kw_only=True):
    """`Character ready timeout after {N}s`."""

    seconds: float | None = None
    character: str | None = None
    phase: ClassVar[str | None] = "ready"


class ReadyDoubt(Event, frozen=True, kw_only=True):
    """The room is joined but readiness was not confirmed; kind: waiting, assumed."""

    kind: str
    seconds: float | None = None
    phase: ClassVar[str | None] = "ready"


class UsageLimit(Event, frozen=True, kw_only=True):
    """`Usage limit reached: {type} - {message}`."""

    type: str
    message: str | None = None
    phase: ClassVar[str | None] = "talk"


class PipelineError(Event, frozen=True, kw_only=True):
    """The service's pipeline reported an error; kind: fatal, error."""

    kind: str
    message: str | None = None
    phase: ClassVar[str | None] = "talk"


class IdleWarning(Event, frozen=True, kw_only=True):
    """`User idle warning: remaining_seconds={n}, …`."""

    seconds: float
    phase: ClassVar[str | None] = "talk"


class Speech(Event, frozen=True, kw_only=True):
    """Somebody spoke; kind: player, player_transcript, character, character_transcript.

    The words themselves are never kept.
    """

    kind: str
    phase: ClassVar[str | None] = "talk"


class Interaction(Event, frozen=True, kw_only=True):
    """`Interaction created. …`: a second source of the character session id."""

    character: str | None = None
    character_session_id: str | None = None
    phase: ClassVar[str | None] = "talk"


class Latency(Event, frozen=True, kw_only=True):
    """`[ClientLatency] …`: milliseconds from the end of speech, None where a part is absent.

    final_transcript: the player's own words are understood; the others lead to the answer.
    audio_hold: how long the voice waited for its lip sync.
    """

    final_transcript_ms: float | None = None
    first_transcript_ms: float | None = None
    tts_started_ms: float | None = None
    first_lip_sync_ms: float | None = None
    audio_playing_ms: float | None = None
    audio_hold_ms: float | None = None

    def parts(self) -> Iterator[tuple[str, float]]:
        """Yield the measured parts, by the name of their field without the unit."""
        for name in own_fields(type(self)):
            value = getattr(self, name)
            if name.endswith("_ms") and value is not None:
                yield name.removesuffix("_ms"), value


# --- Convai: version 3, over gRPC --------------------------------------------------------------


class V3Event(Event, frozen=True, kw_only=True):
    """A line of SDK version 3, or a gRPC status under it.

    kind: session_start, session_ok, session_failed, key_format, assembly, webgl_editor, unavailable,
    http1, denied, status. The last four are statuses of gRPC. One is Convai's where the SDK printed it or its frames
    stand under it; else `speaker` is `other`, and rows ask for a line of version 3 near it.
    """

    kind: str
    phase: ClassVar[str | None] = "connect"


# --- Convai: microphone and audio --------------------------------------------------------------


class MicEvent(Event, frozen=True, kw_only=True):
    """The microphone worked.

    kind: published, enabled, disabled, muted, unmuted, device, skipped, push_to_talk, vad.
    """

    kind: str
    phase: ClassVar[str | None] = "media"


class MicError(Event, frozen=True, kw_only=True):
    """The microphone failed.

    kind: denied, gesture, no_device, not_initialized, publish_failed, factory_missing, lost, busy,
    failed, index.
    """

    kind: str
    message: str | None = None


class AudioEvent(Event, frozen=True, kw_only=True):
    """Playback; kind: enabled, already_enabled."""

    kind: str


class AudioOutputError(Event, frozen=True, kw_only=True):
    """Playback failed; kind: wrong_object, not_enabled."""

    kind: str
    object: str | None = None


# --- LiveKit -----------------------------------------------------------------------------------


class LkDial(Event, frozen=True, kw_only=True):
    """LiveKit dials its signalling URL."""

    host: str | None = None
    phase: ClassVar[str | None] = "signal"


class LkRust(Event, frozen=True, kw_only=True):
    """A line of the native LiveKit engine (or of its C# wrapper); kind says which.

    kind: proxy, signal_failed, path_fallback, fallback_failed, handshake, regions_failed,
    region_fallback, auth_rejected, auth_rejected_later, join_retry, connect_error, pc_failed,
    session_close, resuming, resume_failed, restarting, restart_failed, recovered, gave_up,
    server_disconnect, stream_error, decode_error, publisher_timeout, negotiation_failed,
    proxy_refused, roots_missing, tls_error, room_ready_timeout, panic, init_failed, other.
    """

    kind: str
    message: str | None = None
    n: int | None = None
    phase: ClassVar[str | None] = "signal"
    strength: ClassVar[Confidence] = "high"


class LkJs(Event, frozen=True, kw_only=True):
    """A line of the LiveKit JavaScript client.

    kind: signal_failed, signal_closed, v1_missing, attempt, initial_failed, region_retry,
    regions_failed, pc_failed, negotiation_failed, unsupported, network_interrupted,
    network_restored, disconnected, reconnecting, token_expired, gave_up, ping_timeout, state,
    leave, publish_timeout, no_permission, bridge, other.
    """

    kind: str
    message: str | None = None
    phase: ClassVar[str | None] = "signal"
    strength: ClassVar[Confidence] = "high"


# --- Evidence: reasons inside other lines ------------------------------------------------------


class Reason(Event, frozen=True, kw_only=True):
    """The printed reason of a failed connection.

    peer: convai, livekit, other, or unknown until the session decides by what was in flight.
    """

    peer: str = "unknown"
    host: str | None = None
    phase: ClassVar[str | None] = "signal"
    strength: ClassVar[Confidence] = "high"


class IceEvidence(Reason, frozen=True, kw_only=True):
    """No media path; kind: wait_pc, pc_state, publisher_timeout, pc_connection, old_js."""

    kind: str
    phase: ClassVar[str | None] = "media"


class SignalEvidence(Reason, frozen=True, kw_only=True):
    """The signalling connection failed.

    kind: websocket, handshake, timeout, rejected, closed, regions, not_found, failed.
    status: HTTP status where one is printed.
    """

    kind: str
    status: int | None = None


class TlsEvidence(Reason, frozen=True, kw_only=True):
    """A certificate was refused; kind: untrusted, expired, name, revoked, other."""

    kind: str


class DnsEvidence(Reason, frozen=True, kw_only=True):
    """A host name could not be resolved."""


class NetEvidence(Reason, frozen=True, kw_only=True):
    """A socket failed.

    kind: refused, reset, timeout, unreachable, forbidden, proxy, blocked_by_client, offline,
    other.
    """

    kind: str
    port: int | None = None


class Curl(Event, frozen=True, kw_only=True):
    """`Curl error {n}: …` of the engine; `host` is None where the line names none."""

    n: int
    host: str | None = None
    port: int | None = None
    message: str | None = None


# --- Browser -----------------------------------------------------------------------------------


class BrowserDenied(Event, frozen=True, kw_only=True):
    """The browser refused the microphone; kind: denied, dismissed, iframe."""

    kind: str
    strength: ClassVar[Confidence] = "high"


class BrowserNodevice(Event, frozen=True, kw_only=True):
    """The browser found no microphone, or it is busy; kind: none, busy."""

    kind: str
    strength: ClassVar[Confidence] = "high"


class BrowserInsecure(Event, frozen=True, kw_only=True):
    """The page has no mediaDevices: it is not a secure context."""

    strength: ClassVar[Confidence] = "high"


class BrowserAutoplay(Event, frozen=True, kw_only=True):
    """The browser keeps audio locked until a click."""

    strength: ClassVar[Confidence] = "high"


class BrowserCors(Event, frozen=True, kw_only=True):
    """A request was blocked by CORS; `host` is the host asked for."""

    host: str | None = None
    strength: ClassVar[Confidence] = "high"


class BrowserMixed(Event, frozen=True, kw_only=True):
    """An insecure WebSocket from a secure page."""

    strength: ClassVar[Confidence] = "high"


class BrowserPage(Event, frozen=True, kw_only=True):
    """The page or build URL that the browser shows; scheme and host."""

    scheme: str
    host: str


class NativelibCrash(Event, frozen=True, kw_only=True):
    """A JavaScript crash that names `NativeLib` in the LiveKit bridge."""

    strength: ClassVar[Confidence] = "high"


# --- Everything else ---------------------------------------------------------------------------


class Entry(Event, frozen=True, kw_only=True):
    """Any other SDK line; rows match it by its words."""

    level: str | None
    category: str | None
    message: str


class Unrecognised(Event, frozen=True, kw_only=True):
    """A record of a Convai or LiveKit speaker that no form accepts."""

    message: str


# --- What the sessions add ---------------------------------------------------------------------


class Connected(Event, frozen=True, kw_only=True):
    """The session connected: an SDK success line, the room joined, or the Connected state."""

    phase: ClassVar[str | None] = None


class Dropped(Event, frozen=True, kw_only=True):
    """A connected session was lost."""


class LivekitTest(Event, frozen=True, kw_only=True):
    """What the user's LiveKit connection test said; result: passed, failed."""

    result: str


def _kinds() -> dict[str, type[Event]]:
    """Return the event classes of this module by name, in the order of the glossary."""
    bases = (Event, Reason)
    return {
        kind_of(value): value
        for value in list(globals().values())
        if isinstance(value, type) and issubclass(value, Event) and value not in bases
    }


KINDS: dict[str, type[Event]] = _kinds()

# Codes that stand for several causes: a diagnosis may rest less on them than on others.
VAGUE_CODES: dict[str, Confidence] = {
    "connection.failed": "low", "connection.not_found": "low", "transport.livekit_error": "low",
    "transport.signal_disconnected": "medium", "connection.network_error": "medium",
    "connection.timeout": "medium",
}  # fmt: skip
# The dotted codes the SDK knows; no other word with a dot is one.
CODES: frozenset[str] = frozenset(
    [f"config.{c}" for c in (
        "api_key_missing", "character_id_missing", "auth_token_provider_missing",
        "auth_token_endpoint_invalid", "auth_token_mode_required")]
    + [f"connection.{c}" for c in (
        "connect_invalid_api_key", "invalid_token", "auth_failed", "auth_token_fetch_failed",
        "connect_realtime_not_allowed", "connect_multi_character_not_allowed",
        "connect_multi_character_roster_limit", "connect_character_not_found", "not_found",
        "connect_validation_error", "connect_invalid_session_id", "bad_request",
        "connect_concurrency_limit_reached", "connect_speaker_limit_reached", "rate_limited",
        "connect_bot_start_failed", "connect_unhandled_server_exception", "service_unavailable",
        "server_error", "network_error", "timeout", "failed")]
    + [f"transport.{c}" for c in (
        "ice_failed", "peer_connection_failed", "livekit_error", "signal_disconnected")]
    + ["server.usage_limit_reached", "server.fatal_error", "server.error",
       "session.token_expired", "session.invalid_state", "session.cancelled",
       "protocol.message_invalid", "protocol.parse_failed",
       "audio.mic_unavailable", "audio.mic_permission_denied", "audio.mic_publish_failed",
       "lipsync.contract_conflict"]
    + [f"vision.{c}" for c in (
        "camera_lost", "camera_not_found", "camera_disabled", "device_not_found",
        "device_unavailable", "device_init_timeout", "device_disconnected",
        "render_texture_failed", "render_texture_timeout", "gpu_resources_failed",
        "publish_failed", "room_not_connected", "track_manager_not_ready", "permission_denied",
        "permission_timeout", "frame_source_null", "already_stopped", "unknown")]
)  # fmt: skip


@cache
def own_fields(kind: type[Event]) -> dict[str, str]:
    """Return the fields of a kind of event beside `where`, with their types as written."""
    written: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        written.update(inspect.get_annotations(base))
    return {name: written[name] for name in kind.__struct_fields__ if name != "where"}


def field_names(kind: str) -> tuple[str, ...]:
    """Return the names that a row may filter on for this kind of event."""
    own = own_fields(KINDS[kind])
    return (*own, "level", "category", "tag", "text", "speaker", "platform")


def kind_words(kind: str) -> tuple[str, ...]:
    """Return the words that the field `kind` of an event can hold, as its class lists them."""
    said = re.search(r"\bkind: ([\w, \n(`)]+)", KINDS[kind].__doc__ or "")
    return tuple(re.findall(r"\w+", re.sub(r"\(.*?\)", "", said[1]))) if said else ()


def field_type(kind: str, name: str) -> str:
    """Return the type of a field as rows must write its values: text, number, bool."""
    word = own_fields(KINDS[kind]).get(name, "str").partition(" ")[0]
    return {"int": "number", "float": "number", "bool": "bool"}.get(word, "text")


def field_value(event: Event, name: str) -> Any:  # noqa: ANN401 (fields differ by kind)
    """Return one field of an event as rows see it."""
    if name in {"level", "category", "text", "speaker", "platform"} and not hasattr(
        type(event), name
    ):
        return getattr(event.where, name)
    if name == "tag":
        return event.where.tags
    return getattr(event, name, None)


class Said(Struct, frozen=True):
    """One step of the story; `session` 0 is outside of any session."""

    what: Literal["event", "attempt_end", "session_end"]
    session: int
    attempt: int
    event: Event | None = None
