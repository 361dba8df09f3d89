"""Puts the ears together as configured: the first ear always, the second where it is installed."""

import logging
from pathlib import Path

from device.config import data_dir
from device.detector import Detector, thresholds
from device.errors import DetectorError
from device.second_ear import SecondEar, available
from device.settings import Config

log = logging.getLogger(__name__)


def make_detector(config: Config) -> Detector:
    """The detector with the ears that are there. A second ear that does not work is left out, and said in the log.

    Raises:
        DetectorError: the first ear's model is missing or damaged.
    """
    return Detector(second_ear=_second_ear(config))


def ear_names(config: Config, detector: Detector) -> tuple[str, ...]:
    """Which ears are on, for people."""
    return (detector.model_version, "YAMNet") if _second_ear(config) is not None else (detector.model_version,)


def _second_ear(config: Config) -> SecondEar | None:
    if config.detector.second_ear == "off" or not available():
        return None
    for folder in (data_dir(config) / "models", Path(__file__).parent.parent / "models"):
        if (model := folder / "yamnet.tflite").exists():
            try:
                return SecondEar(model)
            except DetectorError as error:
                log.warning("%s", error)
    return None


def thresholds_of(config: Config, sensitivity: str | None = None) -> tuple[float, float]:
    """Score to begin crying at, and to pause under: the configured ones, else those measured for the sensitivity."""
    on, off = config.detector.on_threshold, config.detector.off_threshold
    if sensitivity is not None or not on or not off:
        measured = thresholds(sensitivity or config.detector.sensitivity)
        on, off = (measured.on, measured.off) if sensitivity is not None else (on or measured.on, off or measured.off)
    return on, min(on, off)
