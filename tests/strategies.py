"""What hypothesis draws: lines, logs, splits."""

from __future__ import annotations

from hypothesis import strategies as st

from convai_logscan.grammar import SPEAKERS, samples

MESSAGES = [s.text for name in SPEAKERS for s in samples(name)]
HEADS = [
    "", "[14:03:22.118][Error][SDK]: ", "[Debug][Transport]: ", "[Info][SDK] ", "LiveKit: ",
    "[14:03:22.118][Warning][SDK]: [SessionMetrics] ", "[MyApp] ",
    "<color=cyan>[14:03:22.118][Debug][Transport]: ", "2026-02-03T04:05:06.789Z|0x1f804a080|",
    "07-24 12:04:56.810 19117 19178 I Unity   : ", "07-24 12:04:56.810 19117 19201 E Unity   : ",
    "E/Unity   ( 7578): ", "2023-03-10 15:15:42.915 7303-7366/com.studio.game I/Unity: ",
    "2026-02-03T04:05:06.789Z:info2624/2478 [OAR] Unity\n",
    "2026-02-03 20:18:24.739215+0900 Game15[5777:1443837] ", "2026-02-03T04:05:06.7890123Z ",
    "2026-02-03T04:05:06.7890123Z 07-24 12:04:56.810 19117 19178 E Unity   : [Error][SDK]: ",
    "unity-1  | ", "redis-1  | ", "Gym Build.framework.js.br:9 ", "[Error] ", "> ", "    - `", "&lt;color=red&gt;",
    "Opening Default Application[14:03:22.118][Error][SDK]: ",
]  # fmt: skip
NOISE = [
    "", " ", "UnityEngine.Debug:Log (object)", "(Filename: Assets/Foo.cs Line: 12)", "</color>",
    "Initialize engine version: 6000.0.80f1 (abc)", "Reloading assemblies for play mode.",
    "NullReferenceException: Object reference not set", "  at Foo.Bar () [0x00000] in <0>:0", "{", "}",
    "Curl error 6: Could not resolve host: cdp.cloud.unity3d.com", "[Licensing::Client] Error: Code 404",
]  # fmt: skip

lines = st.one_of(
    st.builds(lambda head, body: head + body, st.sampled_from(HEADS), st.sampled_from(MESSAGES)),
    st.sampled_from(NOISE),
    st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=60),
)
logs = st.lists(lines, max_size=25).map("\n".join)
