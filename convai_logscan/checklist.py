"""The firewall checklist: six steps, each proven, disproven or unknown, with the line that shows it.

In: diagnoses, and the few events that prove a step. Out: six `ChecklistStep`s.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from msgspec import Struct

from convai_logscan.events import (
    CharacterReady,
    Connected,
    ConnectOk,
    Endpoint,
    Event,
    IceEvidence,
    LkConnected,
    RestFailed,
    RoomDetails,
    RoomInitOutcome,
    SessionTransition,
    Speech,
    UnclassifiedConnect,
)
from convai_logscan.model import ChecklistStep, Diagnosis, StepVerdict

_BAD_REQUEST = 400  # the first HTTP status that is an error
TITLES = (
    "TCP 443 to live.convai.com and api.convai.com",
    "TCP 443 to the LiveKit hosts",
    "UDP media where the network permits it",
    "No TLS inspection of these hosts",
    "Room details with a wss:// room URL",
    "Connected, and the character responds",
)
_CONVAI_BLOCKED = (
    "convai-endpoint-blocked", "dns-convai", "tls-inspection-convai", "captive-portal",
    "machine-offline", "proxy-connect-refused",
)  # fmt: skip
_LIVEKIT_BLOCKED = (
    "livekit-signal-blocked",
    "livekit-host-unreachable",
    "dns-livekit",
    "tls-inspection-livekit",
    "websocket-upgrade-stripped",
)
_MEDIA_BLOCKED = ("livekit-media-blocked", "media-fallback-blocked", "turn-tls-inspected")
# Rows that say that a character stays silent in a room that was joined.
_UNANSWERED = ("character-not-ready", "pipeline-fatal-error", "bot-start-failed")
_REFUSED = ("root-certificates-missing", "certificate-time", "certificate-name")
_INSPECTED = ("tls-inspection-convai", "tls-inspection-livekit", "turn-tls-inspected")


_OF_THE_NETWORK = (407, 511)  # a proxy or a portal wants a login


class Proofs(Struct):
    """The first line that proves each step."""

    _answer: int | None = None
    _doubtful: int | None = None  # an answer that may not be Convai's
    _joined: int | None = None
    _details: int | None = None
    _details_url: int | None = None
    _responds: int | None = None
    _rest_failed: int | None = None

    _signal: int | None = None

    def event(self, event: Event) -> None:
        """Take one event of a session."""
        line = event.where.line
        if isinstance(event, RoomDetails):
            self._answer = self._answer or line
            if not event.inferred:
                self._details = self._details or line
                if (event.room_url or "").startswith(("wss:", "ws:")):
                    self._details_url = self._details_url or line
        elif isinstance(event, Endpoint):
            self._answer = self._answer or line
            if (event.host or "").startswith("wss:"):
                self._details = self._details or line
                self._details_url = self._details_url or line
        elif isinstance(event, (RestFailed, UnclassifiedConnect, RoomInitOutcome)):
            if _is_convais(event):
                self._answer = self._answer or line
            elif event.status:
                self._doubtful = self._doubtful or line
            self._rest_failed = self._rest_failed or line
        elif isinstance(event, (LkConnected, ConnectOk, Connected)):
            self._joined = self._joined or line
        elif isinstance(event, IceEvidence):
            self._signal = self._signal or line
        if (
            isinstance(event, CharacterReady)
            or (isinstance(event, SessionTransition) and event.to_state == "Connected")
            or (isinstance(event, Speech) and event.kind.startswith("character"))
        ):
            self._responds = self._responds or line

    @classmethod
    def of_all(cls, parts: Iterable[Proofs]) -> Proofs:
        """Return the first proofs of several sessions as those of one."""
        whole = cls()
        for part in parts:
            for name in cls.__struct_fields__:
                lines = [line for one in (whole, part) if (line := getattr(one, name))]
                setattr(whole, name, min(lines, default=None))
        return whole

    def steps(
        self, diagnoses: list[Diagnosis], connected: Collection[int], failed: int | None = None
    ) -> list[ChecklistStep]:
        """Return the six steps.

        `connected` are the sessions that stayed connected; `failed` is the last line of one that
        never was, where none was.
        """
        firing = {d.id: d for d in reversed(diagnoses) if d.verdict == "fires" and not d.recovered}

        def first(ids: tuple[str, ...]) -> Diagnosis | None:
            found = [firing[one] for one in ids if one in firing]
            return min(found, key=lambda d: d.first_line, default=None)

        def step(number: int, verdict: StepVerdict, why: str, line: int | None) -> ChecklistStep:
            return ChecklistStep(number, verdict, why, line)

        def blocked(number: int, found: Diagnosis) -> ChecklistStep:
            return step(number, "disproven", found.symptom, _failing(found))

        steps: list[ChecklistStep] = []
        convai = first(_CONVAI_BLOCKED)
        if convai:
            steps.append(blocked(1, convai))
        elif self._answer:
            steps.append(step(1, "proven", "The Connect API answered.", self._answer))
        elif self._doubtful:
            why = "The connect request was answered, but perhaps not by Convai."
            steps.append(step(1, "unknown", why, self._doubtful))
        elif self._rest_failed:
            why = "The connect request failed, and no answer to it was seen."
            steps.append(step(1, "unknown", why, self._rest_failed))
        else:
            why = "No connect request was answered or refused in this log."
            steps.append(step(1, "unknown", why, None))
        livekit = first(_LIVEKIT_BLOCKED)
        if livekit:
            steps.append(blocked(2, livekit))
        elif self._joined:
            steps.append(step(2, "proven", "The LiveKit room was joined.", self._joined))
        elif self._signal:
            steps.append(
                step(
                    2,
                    "proven",
                    "LiveKit signalling was up when the media path failed.",
                    self._signal,
                )
            )
        else:
            steps.append(
                step(
                    2,
                    "unknown",
                    "No LiveKit connection was seen to succeed or to be refused.",
                    None,
                )
            )
        media = first(_MEDIA_BLOCKED)
        if media:
            steps.append(blocked(3, media))
        elif self._joined:
            steps.append(
                step(
                    3,
                    "unknown",
                    "Media came up, but a log does not say whether over UDP or over TURN on TCP 443.",
                    None,
                )
            )
        elif self._signal:
            why = "The media path failed, in a session in which something else did so first."
            steps.append(step(3, "unknown", why, self._signal))
        else:
            steps.append(step(3, "unknown", "No media path was tried in this log.", None))
        inspected, refused = first(_INSPECTED), first(_REFUSED)
        if inspected:
            steps.append(blocked(4, inspected))
        elif refused:
            why = "A certificate was refused for another reason than an inspecting proxy."
            steps.append(step(4, "unknown", why, _failing(refused)))
        elif self._joined and self._answer:
            steps.append(
                step(
                    4,
                    "unknown",
                    "No certificate was refused; an inspecting proxy whose root is trusted would not show.",
                    None,
                )
            )
        else:
            steps.append(step(4, "unknown", "No line names a certificate.", None))
        refused_request = self._rest_failed and not self._joined
        if self._details and self._details_url:
            steps.append(step(5, "proven", "Room details name a wss:// room URL.", self._details))
        elif refused_request and self._doubtful and not self._answer:
            why = "The answer to the connect request holds no room details."
            steps.append(step(5, "disproven", why, self._rest_failed))
        elif refused_request and not self._answer:
            steps.append(
                step(
                    5,
                    "disproven",
                    "The connect request failed before room details came.",
                    self._rest_failed,
                )
            )
        elif refused_request and not self._details:
            steps.append(
                step(
                    5,
                    "disproven",
                    "The Connect API refused the request, so there are no room details.",
                    self._rest_failed,
                )
            )
        else:
            why = "Room details are printed at Debug of category Transport only."
            steps.append(step(5, "unknown", why, None))
        stopped = next((d for d in diagnoses if d.root and d.session not in connected), None)
        stopped = stopped or first(_UNANSWERED)
        if self._responds:
            steps.append(step(6, "proven", "The character was ready or spoke.", self._responds))
        elif stopped:
            steps.append(step(6, "disproven", stopped.symptom, _failing(stopped)))
        elif failed:
            steps.append(step(6, "disproven", "The session did not connect.", failed))
        elif self._joined:
            why = "The session connected; no line shows the character ready."
            steps.append(step(6, "unknown", why, None))
        else:
            steps.append(step(6, "unknown", "No line shows the character ready.", None))
        return steps


def _is_convais(event: RestFailed | UnclassifiedConnect | RoomInitOutcome) -> bool:
    """Say whether a failed connect request was answered by Convai, and by nothing in between."""
    if isinstance(event, UnclassifiedConnect) or event.status in _OF_THE_NETWORK:
        return False
    if isinstance(event, RestFailed) and event.kind in {"contract", "parse"}:
        return False
    return (event.status or 0) >= _BAD_REQUEST


def _failing(found: Diagnosis) -> int | None:
    """Return the line that failed: the last step of the evidence, not what led up to it."""
    return found.evidence[-1].line if found.evidence else None
