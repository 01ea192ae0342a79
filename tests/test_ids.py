"""The ids of the table are a promise: none is lost, none is renamed, each keeps its area."""

from __future__ import annotations

from convai_logscan import rules

# Reports, scripts and tickets name these for good; new rows are added at the end of their area.
IDS = {
    "network": """
        convai-endpoint-blocked livekit-media-blocked media-fallback-blocked captive-portal
        tls-inspection-convai tls-inspection-livekit certificate-time certificate-name
        root-certificates-missing dns-convai dns-livekit machine-offline local-proxy-dead
        app-firewall proxy-connect-refused livekit-signal-blocked livekit-host-unreachable
        websocket-upgrade-stripped room-token-rejected turn-tls-inspected
        publisher-negotiation-failed transport-reason-hidden
    """,
    "setup": """
        transport-debug-off settings-missing character-id-missing no-active-character
        no-conversation-target manager-not-injected connect-never-called startup-timeout
    """,
    "credentials": """
        invalid-api-key api-key-missing token-endpoint-insecure token-endpoint-unreachable
        token-endpoint-http-error token-response-malformed token-provider-missing
        token-provider-failed auth-token-rejected auth-mode-mismatch auth-token-arguments-empty
        editor-fallback-without-key build-credential-strip-failed
    """,
    "microphone": """
        webgl-insecure-origin mic-none mic-denied-android mic-denied-ios mic-gesture-required
        mic-denied-browser mic-denied-iframe mic-denied-desktop mic-before-connected
        mic-publish-failed mic-factory-missing mic-lost mic-permission-not-requested
        push-to-talk-muted
    """,
    "connect": """
        character-not-found realtime-not-allowed auth-failed multi-character-denied
        concurrency-limit speaker-limit rate-limited connect-validation-error
        stale-character-session bad-request bot-start-failed convai-server-error
        convai-unavailable connect-response-unclassified connect-failed-unspecified
        retries-exhausted
    """,
    "session": """
        reconnect-loop reconnect-gave-up room-closed-by-server idle-timeout unexpected-drop
        app-backgrounded session-token-expired character-not-ready usage-limit-reached
        pipeline-fatal-error pipeline-error protocol-mismatch session-state-misuse high-latency
    """,
    "audio": """
        audio-output-wrong-object silent-with-transcript webgl-audio-locked remote-audio-off
    """,
    "native": """
        ffi-library-missing ffi-version-mismatch ffi-wrong-architecture ffi-entry-point-missing
        ffi-symbol-missing ffi-panic webgl-nativelib-crash webgl-lipsync-drift
    """,
    "install": """
        unity-too-old sdk-scene-metadata-bug collections-regression
        action-component-guid-changed newtonsoft-missing inputsystem-missing collections-missing
        xr-module-missing ai-navigation-missing sdk-package-not-found old-convai-copy-present
        settings-window-blank settings-wrong-path ugui-too-old urp-missing
        tmp-essentials-missing recompile-loop protobuf-missing
    """,
    "features": """
        lipsync-contract-conflict action-no-definition action-no-behavior
        action-target-unresolved action-update-discarded action-update-requires-reconnect
        actions-not-set-up navmesh-missing animation-graph-not-ready animation-no-match
        animator-controller-conflict clips-not-measured body-language-no-rig gaze-no-head
        gaze-eye-backend gaze-duplicate-rig gaze-unreachable gaze-no-target-provider
        emotion-no-blendshapes emotion-material-missing emotion-unknown-label
        emotion-neutral-ambiguous embodiment-not-on-character embodiment-tick-threw
        embodiment-rig-gap embodiment-preset conversation-flow-auto-added
        conversation-flow-unscoped narrative-fetch-failed narrative-trigger-timeout
        narrative-trigger-once narrative-multiple-characters narrative-trigger-invalid
        narrative-section-orphaned dynamic-context-no-character dynamic-context-invalid-value
        dynamic-context-applied-early dynamic-context-not-connected scene-metadata-empty
        scene-metadata-not-injected vision-no-source vision-no-camera
        vision-srp-native-unsupported vision-permission-denied vision-quest-unavailable
        vision-device vision-publish-failed memory-http-error memory-off roster-invalid
        roster-conflict roster-ack-timeout roster-not-in-room notification-setup chat-ui-setup
        ai-assistant-setup
    """,
    "legacy": """
        grpc-unreachable grpc-http1-peer grpc-session-id-failed grpc-usage-limit
        grpc-api-key-format grpc-assembly-validation grpc-macos-bundle legacy-package-missing
        webgl-in-editor
    """,
}


def test_every_id_has_its_row() -> None:
    rows = rules.builtin().rows
    promised = {(name, area) for area, names in IDS.items() for name in names.split()}

    assert len(promised) == 182
    assert promised - {(row.id, row.area) for row in rows.values()} == set()
