"""Puts the ears together as configured: the first ear always, the second where it is installed."""

from device.detector import Detector, thresholds
from device.settings import Config


def make_detector(config: Config) -> Detector:
    """The detector with the ears that are there.

    Raises:
        DetectorError: a model is missing or damaged.
    """
    return Detector()


def ear_names(detector: Detector) -> tuple[str, ...]:
    """Which ears are on, for people."""
    return (detector.model_version,)


def thresholds_of(config: Config, sensitivity: str | None = None) -> tuple[float, float]:
    """Score to begin crying at, and to pause under: the configured ones, else those measured for the sensitivity."""
    on, off = config.detector.on_threshold, config.detector.off_threshold
    if sensitivity is not None or not on or not off:
        measured = thresholds(sensitivity or config.detector.sensitivity)
        on, off = (measured.on, measured.off) if sensitivity is not None else (on or measured.on, off or measured.off)
    return on, min(on, off)
