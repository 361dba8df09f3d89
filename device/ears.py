"""Puts the ears together as configured: the first ear always, the second where it is installed."""

import logging
from pathlib import Path

from device.config import data_dir
from device.detector import Detector, thresholds
from device.errors import DetectorError
from device.evidence import Thresholds
from device.second_ear import SecondEar, available
from device.settings import Config

log = logging.getLogger(__name__)


def make_detector(config: Config) -> Detector:
    """The detector with the ears that are there. A second ear that does not work is left out, and said in the log.

    Raises:
        DetectorError: the first ear's model is missing or damaged.
    """
    return Detector(second_ear=_second_ear(config))


def _second_ear(config: Config) -> SecondEar | None:
    if config.detector.second_ear == "off":
        return None
    for folder in (data_dir(config) / "models", Path(__file__).parent.parent / "models"):
        # The file first: to look for the runtime is to load it, 8 MB.
        if (model := folder / "yamnet.tflite").exists() and available():
            try:
                return SecondEar(model)
            except DetectorError as error:
                log.warning("%s", error)
    return None


def thresholds_of(config: Config, sensitivity: str | None = None) -> Thresholds:
    """Score to begin crying at, to pause under, and to be sure from.

    A `sensitivity` wished for at run time gives those measured for it; else the configured ones hold, where there are any.
    """
    measured = thresholds(sensitivity or config.detector.sensitivity)
    if sensitivity is not None:
        return measured
    wished = config.detector
    on = wished.on_threshold or measured.on
    return Thresholds(on, min(on, wished.off_threshold or measured.off), wished.sure_threshold or measured.sure)
