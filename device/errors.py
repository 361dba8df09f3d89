"""The project's errors: each message says what failed, the value, and what to do."""


def N_(message: str) -> str:  # noqa: N802 - the name that gettext's tools know
    """Mark a message for translation where it is not yet said."""
    return message


class NurseryError(Exception):
    """Anything this project reports on purpose; its message is one sentence for a person.

    The sentence may have holes like `%(name)s`, which `values` fill: so whoever shows it can say it in another language.
    """

    exit_status = 1

    def __init__(self, message: str = "", **values: object) -> None:
        """Keep the sentence as it is written here, and what fills it."""
        super().__init__(message % values if values else message)
        self.message = message
        self.values = values


class ConfigError(NurseryError):
    """A configuration that cannot be used; `problems` holds every mistake found, a sentence each."""

    exit_status = 2

    def __init__(self, problems: list[str]) -> None:
        """Keep every problem, so that all of them are shown at once."""
        super().__init__("\n".join(problems))
        self.problems = problems


class AudioSourceError(NurseryError):
    """A microphone or recording that cannot be opened or read."""

    exit_status = 2


class SoundSystemStuckError(AudioSourceError):
    """A sound system that hangs; only a new process can listen again."""


class DetectorError(NurseryError):
    """A model that is missing, damaged or of another make than the code expects."""


class JournalError(NurseryError):
    """A database that cannot be opened, read or written."""


class BrokerError(NurseryError):
    """A broker that cannot be started or reached."""


class ControlError(NurseryError):
    """The control socket cannot be served, or the monitor behind it does not answer."""


class PanelError(NurseryError):
    """A button, light, buzzer or sensor that cannot be used."""


class ClipError(NurseryError):
    """A recording that cannot be kept."""


class CommandError(NurseryError):
    """A command that makes no sense; it is answered with this sentence and changes nothing."""


class NoEpisodeError(CommandError):
    """A command about an episode that is not there."""

    def __init__(self, episode: str = "") -> None:
        """Say which one was meant: its id, or nothing for the last one."""
        if episode:
            gone = N_("There is no episode %(episode)r; it may have been deleted, so look its id up in the history.")
            super().__init__(gone, episode=episode)
        else:
            super().__init__(N_("There is no last episode to say this of; name one by its id, or wait for the next."))
