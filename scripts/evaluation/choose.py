"""Which ears there are to compare."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from device.ears import ear_names, make_detector
from device.errors import DetectorError, NurseryError
from device.settings import Config
from evaluation.ears import Ear
from evaluation.hearing import Say
from evaluation.peers import LevelTrigger, Yamnet
from evaluation.pipeline import Pipeline


def choose_ears(wanted: str, yamnet: Path, say: Say) -> list[Ear]:
    """The ears named in `wanted` (comma-separated), or every one that is there; ours first.

    Raises:
        NurseryError: one that was asked for by name is not there, or none is.
    """
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    config = Config()
    first_only = replace(config, detector=replace(config.detector, second_ear="off"))

    def ours() -> Ear:
        return Pipeline(make_detector(first_only), first_only, "ours")

    def both() -> Ear:
        detector = make_detector(config)
        if len(ear_names(detector)) < 2:
            raise NurseryError("the second ear is not installed; scripts/fetch-model fetches it")
        return Pipeline(detector, config, "both ears")

    makers: dict[str, Callable[[], Ear]] = {
        "ours": ours,
        "both": both,
        "YAMNet": lambda: Yamnet(yamnet),
        "level": LevelTrigger,
    }
    unknown = [name for name in names if name not in makers]
    if unknown:
        raise NurseryError(f"there is no ear {unknown[0]!r}; choose from {', '.join(makers)}")
    ears: list[Ear] = []
    for name, make in makers.items():
        if names and name not in names:
            continue
        try:
            ears.append(make())
        except (NurseryError, DetectorError) as error:
            if names:
                raise
            say(f"without {name}: {error}")
    if not ears:
        raise NurseryError("there is no ear to evaluate")
    return ears
