"""What a phone that shows this page should ring for just now, if it was asked to ring: pure."""

from device.sinks import MonitorState
from device.vocabulary import Mic
from web.live import Live


def ring(live: Live) -> str:
    """Name what is worth ringing for; "" where nothing is. Another name means: ring anew.

    It is what phones ring for: each alert that nobody has answered yet, and a monitor that hears nothing or is gone.
    """
    state = live.state
    if state is None or not live.reachable:
        return "gone"
    deaf = "deaf" if any(fault.code == "detector" for fault in state.faults) else ""
    return _cry(state) or (f"mic {state.mic}" if state.mic is not Mic.OK and state.mic_told else deaf)


def _cry(state: MonitorState) -> str:
    episode = state.episode
    if episode is None or not episode.open or not episode.calling or state.muted_s:
        return ""
    return f"cry {episode.id} {len(episode.alerts)}"
