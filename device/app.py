"""The composition root: builds every part, starts them in order and stops them in reverse. Nothing else makes an adapter."""

import contextlib
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import tzinfo
from types import TracebackType
from typing import Any

from device import __version__, commands, credentials
from device.address import Address, address_of
from device.asked import refuse
from device.audio import AudioSource
from device.broker import Broker
from device.clips import Clips
from device.clock import Clock, SystemClock
from device.config import data_dir, journal_path, socket_path
from device.control import Control
from device.detector import Detector
from device.ears import make_detector, thresholds_of
from device.episode import EpisodeTracker
from device.errors import NurseryError, SoundSystemStuckError
from device.evidence import EAR_LAG_S
from device.health import Health, clock_probe, disk_probe, page_probe
from device.house import House
from device.journal import JournalReader, JournalWriter
from device.learning import OnlineLearning
from device.microphone import Microphone
from device.monitor import Monitor
from device.mqtt import Mqtt
from device.need_history import Lessons, lessons
from device.panel import Panel
from device.push import Push
from device.quiet import family_zone, quiet_hours
from device.record import Episode
from device.revival import Pulse
from device.settings import Config
from device.sinks import EventSink, MonitorState
from device.today import Today
from device.topics import Topics
from device.vocabulary import Mic
from device.watchdog import Watchdog

log = logging.getLogger(__name__)

RESUME_WITHIN_S = 120.0
"""A restart that took longer has lost the thread: the episode it cut is closed as interrupted."""


class App:
    """The built monitor; a context manager that starts it on entry and stops it on exit."""

    def __init__(self, monitor: Monitor, stack: contextlib.ExitStack, start: Callable[[], None]) -> None:
        """Take what `build` has made."""
        self.monitor = monitor
        self._stack = stack
        self._start = start
        self._failure = ""

    def __enter__(self) -> "App":
        """Start every part."""
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop every part, in reverse."""
        self._stack.close()

    def run(self) -> None:
        """Listen until `stop`.

        Raises:
            SoundSystemStuckError: the sound system hangs so that only a new process helps.
        """
        self.monitor.run()
        if self._failure:
            raise SoundSystemStuckError(self._failure)

    def fail(self, text: str) -> None:
        """Ask `run` to end with an error."""
        self._failure = text
        self.monitor.stop()

    def stop(self) -> None:
        """Ask `run` to return."""
        self.monitor.stop()


def build(
    config: Config,
    *,
    clock: Clock | None = None,
    source: AudioSource | None = None,
    detector: Detector | None = None,
    pin_factory: Any = None,
    demo: bool = False,
    broker_needed: bool = False,
) -> App:
    """Build the monitor. `source` takes the microphone's place; `broker_needed`: no start without the embedded broker.

    Raises:
        NurseryError: a part that nothing works without cannot be made.
    """
    clock = clock or SystemClock()
    folder = data_dir(config)
    folder.mkdir(parents=True, exist_ok=True)
    secrets, _ = credentials.load_or_create(folder)
    house = House(folder)
    config = house.settle(config)
    stack = contextlib.ExitStack()
    detector = detector or make_detector(config)
    tracker = EpisodeTracker(
        config.episode,
        config.alerts,
        thresholds=thresholds_of(config, config.detector.sensitivity if house.kept("detector.sensitivity") else None),
        hop_s=detector.hop_s,
        lag_s=EAR_LAG_S,
        quiet=quiet_hours(config.alerts.quiet_hours, config.nursery.time_zone),
        allows=lambda peak, heard_s: learning.allows(peak, heard_s),
        boot_id=clock.boot_id,
    )
    journal = JournalWriter(
        journal_path(config),
        clock=clock,
        storage=config.storage,
        alerts=config.alerts,
        device_id=config.nursery.id,
        demo=demo,
    )
    broker = None
    if not config.mqtt.host:
        alert = Topics(config.nursery.id).alert
        broker = Broker(config.broker, user=secrets.mqtt_user, password=secrets.mqtt_password, alert=alert)
    mqtt = Mqtt(
        address=_address(config, broker),
        nursery=config.nursery,
        settings=config.mqtt,
        alerts=config.alerts,
        clock=clock,
        outbox=journal,
        version=__version__,
    )
    control = Control(path=socket_path(config), parse=commands.parse, clock=clock)
    panel = Panel(settings=config.panel, clock=clock, time_zone=config.nursery.time_zone, pin_factory=pin_factory)
    push = Push(
        settings=config.push,
        nursery=config.nursery,
        alerts=config.alerts,
        clock=clock,
        acknowledge_key=credentials.push_key(secrets),
    )
    watchdog = Watchdog(clock=clock)
    pulse = Pulse() if source is None and not watchdog.every_s else None
    clips = Clips(settings=config.clips, data_dir=folder, clock=clock, history_days=config.storage.history_days)
    zone = family_zone(config.nursery.time_zone)
    today = Today(journal, zone)
    sinks: dict[str, EventSink] = {"journal": journal, "panel": panel, "mqtt": mqtt}
    if config.push.url:
        sinks["push"] = push
    sinks |= {"clips": clips, "control": control, "watchdog": watchdog}
    learning = OnlineLearning(
        detector.model_version,
        history=lambda: _lessons(config, clock, zone),
        keep=journal.store_embedding,
        beside=source is None,
    )
    monitor = Monitor(
        detector=detector,
        tracker=tracker,
        sinks=sinks,
        clock=clock,
        outbox=journal,
        history=journal,
        learning=learning,
        today=today,
        house=house,
        thresholds=lambda word: thresholds_of(config, word),
        alive=watchdog.alive,
        beat=pulse.beat if pulse is not None else lambda: None,
        listeners=lambda: None if broker is None or config.push.url or demo else broker.listeners,
        state=MonitorState(
            clock.now(),
            Mic.LOST,
            "Not listening yet.",
            sensitivity=config.detector.sensitivity,
            alert_after_s=config.alerts.alert_after_s,
            quiet_between=config.alerts.quiet_hours,
            ears=detector.ears,
            source="microphone" if source is None else "recording",
            demo=demo,
            version=__version__,
        ),
    )
    replayed = source is not None
    source = source or Microphone(settings=config.microphone, clock=clock, on_stuck=lambda text: app.fail(text))
    health = Health(
        {
            "disk_low": disk_probe(folder, config.storage.min_free_mb),
            **journal.probes,
            "second_ear": detector.trouble,
            "clock_unsynced": clock_probe(clock),
            "page_down": page_probe(config.page.bind, config.page.port, tls=bool(config.page.tls_cert)),
        },
        clock,
    )

    def put(asked: object) -> bool:
        refuse(asked, monitor.state, journal_path(config))
        return monitor.inbox.put(asked)

    def start() -> None:
        if broker is not None:
            stack.callback(broker.close)  # last of all, so that MQTT can still say offline
        for part in sinks.values():
            stack.callback(part.close)
        journal.start()
        _resume(journal, tracker, clock)
        monitor.state = replace(monitor.state, episode=tracker.episode, last=tracker.last)
        if broker is not None:
            broker.start(needed=broker_needed)
        control.start(put)
        panel.start(monitor.inbox.put)
        mqtt.start(put)
        if config.push.url:
            push.start(monitor.inbox.put)
        stack.callback(learning.close)
        stack.callback(health.close)
        health.start(monitor.inbox.put)
        stack.callback(source.close)
        clips.start(monitor.inbox.put)
        source.start(clips.tap(monitor.inbox.put_wait if replayed else monitor.inbox.put))
        if pulse is not None:
            pulse.start()
            stack.callback(pulse.close)
        stack.callback(watchdog.stopping)
        watchdog.ready()

    app = App(monitor, stack, start)
    return app


def _lessons(config: Config, clock: Clock, zone: tzinfo) -> Lessons:
    """What the family has taught so far."""
    with JournalReader(journal_path(config)) as reader:
        return lessons(reader, clock.now().utc, zone)


def _address(config: Config, broker: Broker | None) -> Callable[[], Address]:
    """What tells where the broker is."""
    if broker is not None:
        return broker.address
    fixed = address_of(config.mqtt)
    return lambda: fixed


def _resume(journal: JournalWriter, tracker: EpisodeTracker, clock: Clock) -> None:
    """Go on with an episode that a restart has cut a moment ago; close any other that was left open."""
    now = clock.now()
    try:
        left = journal.resume()
        going_on = None if left is None else _rebased(left, clock)
        journal.close_open(now, keep=going_on.id if going_on else None)
        tracker.remember(journal.last())  # which may be one just closed
    except NurseryError as error:
        log.warning("%s", error)  # the journal tells it as a fault as soon as the monitor runs
        return
    if going_on is not None:
        tracker.resume(going_on, now)


def _rebased(episode: Episode, clock: Clock) -> Episode | None:
    """The episode on this boot's monotonic clock, if its last crying was not too long ago; else None."""
    now = clock.now()
    gone_s = now.since(episode.onset)
    if episode.boot_id != clock.boot_id:
        if not (now.synced and episode.onset.synced):
            return None
        gone_s = now.utc - episode.onset.utc
    last_s = episode.bouts[-1].end_s if episode.bouts else 0.0
    if not 0 <= gone_s - last_s <= RESUME_WITHIN_S:
        return None
    return replace(episode, onset=replace(episode.onset, monotonic=now.monotonic - gone_s), boot_id=clock.boot_id)
