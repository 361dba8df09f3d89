"""The nursery monitor's daemon: microphone, blocks, features, scores, episodes, journal, MQTT and panel."""

__version__ = "0.1.0"
