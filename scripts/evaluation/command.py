"""What the commands of evaluation have in common: their options, and where results go."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from device.errors import NurseryError
from evaluation.choose import choose_ears
from evaluation.document import rewrite
from evaluation.ears import Ear

ROOT = Path(__file__).resolve().parent.parent.parent


def parser(name: str, about: str | None) -> argparse.ArgumentParser:
    """Options of `scripts/evaluate NAME`."""
    options = argparse.ArgumentParser(prog=f"scripts/evaluate {name}", description=about)
    options.add_argument("--yamnet", type=Path, default=ROOT.parent / "shared/peers/yamnet.tflite", help="YAMNet as .tflite")
    options.add_argument("--ears", default="ours,both,YAMNet", help="comma-separated: ours, both, YAMNet, louder, level")
    options.add_argument("--json", type=Path, help="write all figures here")
    options.add_argument("--docs", action="store_true", help="rewrite these results in docs/evaluation.md")
    return options


def run(
    name: str, options: argparse.Namespace, measure: Callable[[list[Ear]], dict[str, Any]], text: Callable[[Any], str]
) -> int:
    """Measure the ears that are asked for and tell; the exit status is 0, or 2 where something is missing."""
    try:
        found = measure(choose_ears(options.ears, options.yamnet, say=lambda line: print(line, file=sys.stderr)))
        if options.docs:
            rewrite(ROOT / "docs/evaluation.md", name, text(found))
    except NurseryError as error:
        print(f"evaluate {name}: {error}", file=sys.stderr)
        return 2
    print(text(found))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0
