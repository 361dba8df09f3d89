"""The nursery monitor's daemon: microphone, blocks, features, scores, episodes, journal, MQTT and panel."""

import os

__version__ = "0.1.0"

# ONNX Runtime reports its use to its maker unless this is set before it is loaded; nothing leaves the house from here.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
