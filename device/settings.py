"""Every setting: its default, its bounds, what it does; a test holds docs/configuration.md to the same."""

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any


def _setting(
    default: Any,
    help_: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    pattern: str = "",
    secret: bool = False,
) -> Any:
    metadata = {"help": help_, "low": low, "high": high, "choices": choices, "pattern": pattern, "secret": secret}
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class NurserySettings:
    """The house."""

    id: str = _setting("home", "Names this device in MQTT topics: nursery/<id>/.", pattern=r"[A-Za-z0-9_-]{1,32}")
    name: str = _setting("Nursery", "What phones and Home Assistant call it.", pattern=r".{1,40}")
    caregivers: tuple[str, ...] = _setting(
        (), 'Who answers, e.g. ["Ana", "Ben"]; offered on the page.', pattern=r"[^/#+]{1,24}"
    )
    time_zone: str = _setting("", "The family's time zone, e.g. \"Europe/Berlin\"; empty: the machine's.")
    language: str = _setting(
        "",
        "Language of alerts and of the page: en or de; empty: English alerts, the browser's page.",
        choices=("", "en", "de"),
    )
    data_dir: str = _setting(
        "", "Where history and secrets are kept; empty: $STATE_DIRECTORY, else ~/.local/share/nursery-monitor."
    )
    control_socket: str = _setting("", "The local control socket; empty: $RUNTIME_DIRECTORY/control.sock, else in data_dir.")


@dataclass(frozen=True, slots=True)
class MicrophoneSettings:
    """What it listens with."""

    device: str = _setting(
        "", "Part of the microphone's name (`nursery-monitor devices` lists them); empty: the default one."
    )
    channel: str = _setting(
        "best",
        "Which channel to hear: best (the one with most signal), mix, or a number from 1.",
        pattern=r"best|mix|[1-9][0-9]?",
    )
    lost_after_s: float = _setting(3.0, "No sound for this long means lost.", low=0.5, high=10.0)
    silent_after_s: float = _setting(
        8.0, "A flat signal for this long means silent: muted or a dead capsule.", low=1.0, high=60.0
    )
    retry_s: float = _setting(2.0, "How often to look for a lost microphone.", low=0.2, high=60.0)


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """How it hears crying."""

    sensitivity: str = _setting(
        "normal",
        "How readily it hears crying; docs/evaluation.md gives recall and false alarms of each.",
        choices=("low", "normal", "high"),
    )
    on_threshold: float = _setting(0.0, "Score at which crying begins; 0: as `sensitivity` says.", low=0.0, high=1.0)
    off_threshold: float = _setting(0.0, "Score under which crying pauses; 0: as `sensitivity` says.", low=0.0, high=1.0)
    sure_threshold: float = _setting(
        0.0, "Score from which the ear is sure, if it lasts for a second; 0: as `sensitivity` says.", low=0.0, high=1.0
    )
    second_ear: str = _setting(
        "auto", "auto: use YAMNet too where scripts/fetch-model has installed it; off: never.", choices=("auto", "off")
    )


@dataclass(frozen=True, slots=True)
class EpisodeSettings:
    """What makes an episode."""

    min_cry_s: float = _setting(1.0, "Crying shorter than this, by itself, is not yet an episode.", low=0.2, high=10.0)
    hangover_s: float = _setting(2.0, "A pause longer than this ends a bout.", low=0.2, high=30.0)
    settle_after_s: float = _setting(60.0, "No crying for this long ends the episode.", low=5.0, high=1800.0)
    voice_response: bool = _setting(
        True, "Take a caregiver's voice during or just after crying as somebody being there (inferred)."
    )
    voice_s: float = _setting(1.5, "How much voice within 10 s that needs.", low=0.5, high=10.0)


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """When phones ring."""

    alert_after_s: float = _setting(
        3.0,
        "Crying heard before the first alert, within an episode; minutes, for families who wait and listen.",
        low=0.0,
        high=1800.0,
    )
    unsure_after_s: float = _setting(
        12.0,
        "The same where the ear has not been sure for a second on end: crying goes on, a cat soon stops.",
        low=0.0,
        high=1800.0,
    )
    escalate_after_s: float = _setting(
        60.0, "No response for this long after the first alert: alert again, a level higher.", low=5.0, high=3600.0
    )
    repeat_alert_s: float = _setting(60.0, "Time between further repeats.", low=5.0, high=3600.0)
    max_alerts: int = _setting(
        10, "After so many alerts in an episode without an answer they come only every 10 min.", low=1, high=1000
    )
    reminder_after_s: float = _setting(
        300.0,
        "Answered, but still crying after this: remind; three times as late if somebody said that they are there. 0: never.",
        low=0.0,
        high=3600.0,
    )
    escalate_to: tuple[str, ...] = _setting(
        (), "Caregivers whose own topic alert/<caregiver> rings from the second level on.", pattern=r"[^/#+]{1,24}"
    )
    alert_max_age_s: float = _setting(
        120.0,
        "An alert that could not be delivered within this no longer rings, but says you were not told.",
        low=5.0,
        high=3600.0,
    )
    quiet_hours: str = _setting(
        "",
        'Hours in which phones do not ring for crying, e.g. "08:00-18:00"; listening and health alarms go on.',
        pattern=r"|([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d",
    )

    def enough_s(self, *, sure: bool) -> float:
        """Seconds of crying heard before the first alert."""
        return self.alert_after_s if sure else max(self.alert_after_s, self.unsure_after_s)


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """The way to phones and Home Assistant."""

    host: str = _setting("", "The house's broker; empty: the embedded one.")
    port: int = _setting(1883, "Its port.", low=1, high=65535)
    user: str = _setting("", "Its user; empty: the one made at first start (embedded broker), or none.")
    password: str = _setting("", "Its password.", secret=True)
    tls: bool = _setting(False, "Speak TLS with the broker.")
    ca_file: str = _setting("", "Certificate that signs the broker's; empty: the system's.")
    discovery: bool = _setting(True, "Announce the device to Home Assistant.")
    discovery_prefix: str = _setting("homeassistant", "Home Assistant's discovery prefix.", pattern=r"[^#+]{1,64}")


@dataclass(frozen=True, slots=True)
class BrokerSettings:
    """The embedded broker, for a house that has none."""

    bind: str = _setting("0.0.0.0", "Address it listens on; 127.0.0.1 shuts phones out.")
    port: int = _setting(1883, "Its port.", low=1, high=65535)
    tls_cert: str = _setting("", "Certificate for TLS; empty: plain MQTT.")
    tls_key: str = _setting("", "Key of that certificate.")


@dataclass(frozen=True, slots=True)
class PageSettings:
    """The history page."""

    bind: str = _setting("0.0.0.0", "Address it listens on.")
    port: int = _setting(8080, "Its port.", low=1, high=65535)
    lan_only: bool = _setting(True, "Answer private addresses alone.")
    tls_cert: str = _setting("", "Certificate for HTTPS; empty: plain HTTP.")
    tls_key: str = _setting("", "Key of that certificate.")
    session_days: float = _setting(90.0, "How long a login lasts.", low=0.01, high=400.0)


@dataclass(frozen=True, slots=True)
class PanelSettings:
    """Buttons, light, buzzer and motion sensor on the GPIO pins (BCM numbers; 0: not fitted)."""

    buttons: Mapping[str, int] = _setting(
        {}, "A button per caregiver, e.g. { Ana = 17, Ben = 27 }; press: I'm here; twice: on my way.", low=2, high=27
    )
    long_press_s: float = _setting(1.0, "Holding a button this long tags the last episode.", low=0.3, high=10.0)
    long_press_tag: str = _setting(
        "not_crying", "What a long press says.", choices=("not_crying", "hunger", "discomfort", "tired", "pain", "unsure")
    )
    led_pin: int = _setting(0, "Status light.", low=0, high=27)
    led_brightness: float = _setting(0.3, "Its brightness at night (20:00–07:00); by day it is full.", low=0.01, high=1.0)
    buzzer_pin: int = _setting(0, "Buzzer; sounds while alerts cannot be delivered.", low=0, high=27)
    motion_pin: int = _setting(
        0, "Motion sensor; movement during crying means that somebody seems to be there (inferred).", low=0, high=27
    )


@dataclass(frozen=True, slots=True)
class PushSettings:
    """An HTTP push in the manner of ntfy, for phones that cannot hold MQTT in the background; leaves the house, so off."""

    url: str = _setting("", "Where alerts are posted, e.g. https://ntfy.example/our-topic; empty: off.", secret=True)
    token: str = _setting("", "Bearer token for it.", secret=True)
    acknowledge_url: str = _setting("", "Address of the page as the phone reaches it; adds an On my way action.")


@dataclass(frozen=True, slots=True)
class ClipSettings:
    """Recordings for labelling; none are kept unless this is turned on."""

    keep: bool = _setting(False, "Keep short recordings around episodes.")
    max_s: float = _setting(20.0, "Longest recording per episode.", low=2.0, high=120.0)
    max_mb: float = _setting(200.0, "All recordings together; the oldest go first.", low=1.0, high=100_000.0)
    max_days: float = _setting(14.0, "Recordings older than this are deleted.", low=0.1, high=3650.0)


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """The journal."""

    coverage_mark_s: float = _setting(
        900.0,
        "How often listening is marked while nothing happens; a power cut's gap begins at the last mark.",
        low=10.0,
        high=3600.0,
    )
    min_free_mb: float = _setting(100.0, "Less free disk than this is a fault.", low=1.0, high=100_000.0)
    history_days: float = _setting(0.0, "History older than this is deleted; 0: kept.", low=0.0, high=36_500.0)


@dataclass(frozen=True, slots=True)
class Config:
    """All settings, a table of the file each."""

    nursery: NurserySettings = field(default_factory=NurserySettings)
    microphone: MicrophoneSettings = field(default_factory=MicrophoneSettings)
    detector: DetectorSettings = field(default_factory=DetectorSettings)
    episode: EpisodeSettings = field(default_factory=EpisodeSettings)
    alerts: AlertSettings = field(default_factory=AlertSettings)
    mqtt: MqttSettings = field(default_factory=MqttSettings)
    broker: BrokerSettings = field(default_factory=BrokerSettings)
    page: PageSettings = field(default_factory=PageSettings)
    panel: PanelSettings = field(default_factory=PanelSettings)
    push: PushSettings = field(default_factory=PushSettings)
    clips: ClipSettings = field(default_factory=ClipSettings)
    storage: StorageSettings = field(default_factory=StorageSettings)


def sections() -> dict[str, dict[str, Field[Any]]]:
    """Every setting's field, by table and key."""
    out: dict[str, dict[str, Field[Any]]] = {}
    for table in fields(Config):
        assert table.default_factory is not MISSING
        out[table.name] = {item.name: item for item in fields(table.default_factory())}
    return out
