"""The words of alerts, a language each."""

from dataclasses import dataclass

from device.vocabulary import Distress, Need, Outcome


@dataclass(frozen=True, slots=True)
class Words:
    """One language's words; {…} are filled in."""

    grade: dict[Distress, str]
    need: dict[Need, str]
    second: str
    minute: str
    hour: str
    started: str
    crying: str
    still: str
    reminder: str
    reminder_seemed: str
    reminder_there: str
    guess: str
    untold: str
    untold_ago: str
    untold_unknown: str
    somebody: str
    on_the_way: str
    there: str
    heard: str
    moved: str
    ended: dict[Outcome, str]
    mic_lost: str
    mic_silent: str
    mic_restored: str
    fault: str
    cleared: str
    test: str
    acknowledge: str


EN = Words(
    grade={Distress.FUSSING: "fussing", Distress.CRYING: "crying", Distress.SCREAMING: "crying hard"},
    need={Need.HUNGER: "hungry", Need.DISCOMFORT: "uncomfortable", Need.TIRED: "tired", Need.PAIN: "in pain"},
    second="{} s",
    minute="{} min",
    hour="{} h {} min",
    started="Crying heard",
    crying="Baby {grade} for {time}{guess}",
    still="Baby still {grade} after {time}, nobody has answered yet{guess}",
    reminder="{who} is on the way, but the baby has been {grade} for {time} and nobody is there yet",
    reminder_seemed="Somebody seemed to be there, but the baby has been {grade} for {time}",
    reminder_there="{who} was there, but the baby is still {grade} after {time}",
    guess=", perhaps {}",
    untold="Baby was {grade}; you were not told at {time}",
    untold_ago="Baby was {grade}; you were not told {time} ago",
    untold_unknown="Baby was {grade}; you were not told",
    somebody="Somebody",
    on_the_way="{who} is on the way",
    there="{who} is with the baby",
    heard="A voice was heard; somebody seems to be with the baby",
    moved="Something moved in the room; somebody seems to be with the baby",
    ended={
        Outcome.ANSWERED: "Calm again, {time} after the crying began",
        Outcome.SELF_SETTLED: "Baby settled alone after {time}",
        Outcome.UNANSWERED: "The crying has stopped after {time}",
        Outcome.FALSE_ALARM: "It was not crying",
        Outcome.INTERRUPTED: "The monitor was interrupted while the baby cried; please look in",
    },
    mic_lost="The monitor cannot hear: {text}",
    mic_silent="The monitor hears nothing at all: {text}",
    mic_restored="The monitor hears again",
    fault="{title}: {text}",
    cleared="Solved: {title}",
    test="Test alert: everything works",
    acknowledge="On my way",
)

# The page says the same in web/translations/de.po.
DE = Words(
    grade={Distress.FUSSING: "quengelt", Distress.CRYING: "schreit", Distress.SCREAMING: "schreit sehr aufgebracht"},
    need={Need.HUNGER: "hungrig", Need.DISCOMFORT: "unbehaglich", Need.TIRED: "müde", Need.PAIN: "Schmerzen"},
    second="{} s",
    minute="{} min",
    hour="{} h {} min",
    started="Schreien gehört",
    crying="Baby {grade} seit {time}{guess}",
    still="Nach {time} noch immer: Baby {grade}{guess}. Noch hat niemand geantwortet",
    reminder="{who} ist unterwegs, aber das Baby {grade} seit {time}, und noch ist niemand da",
    reminder_seemed="Jemand schien da zu sein, aber das Baby {grade} seit {time}",
    reminder_there="{who} war da, aber das Baby {grade} seit {time}",
    guess=", vielleicht {}",
    untold="Nicht angekommen um {time}: Baby {grade}",
    untold_ago="Nicht angekommen vor {time}: Baby {grade}",
    untold_unknown="Nicht angekommen: Baby {grade}",
    somebody="Jemand",
    on_the_way="{who} ist unterwegs",
    there="{who} ist beim Baby",
    heard="Eine Stimme war zu hören; jemand scheint beim Baby zu sein",
    moved="Im Zimmer hat sich etwas bewegt; jemand scheint beim Baby zu sein",
    ended={
        Outcome.ANSWERED: "Wieder ruhig, {time} nach Beginn des Schreiens",
        Outcome.SELF_SETTLED: "Baby hat sich nach {time} von allein beruhigt",
        Outcome.UNANSWERED: "Das Schreien hat nach {time} aufgehört",
        Outcome.FALSE_ALARM: "Es war kein Schreien",
        Outcome.INTERRUPTED: "Das Babyfon wurde unterbrochen, während das Baby schrie; bitte kurz nachsehen",
    },
    mic_lost="Das Babyfon hört nichts mehr: {text}",
    mic_silent="Das Babyfon hört gar nichts: {text}",
    mic_restored="Das Babyfon hört wieder",
    fault="{title}: {text}",
    cleared="Behoben: {title}",
    test="Probealarm: alles funktioniert",
    acknowledge="Bin unterwegs",
)

FAULTS: dict[str, tuple[str, str, str]] = {
    "mic_lost": (
        "The microphone is missing",
        "Das Mikrofon fehlt",
        "Bitte einstecken; das Zuhören beginnt dann von selbst.",
    ),
    "mic_silent": ("The microphone is silent", "Das Mikrofon ist stumm", "Bitte Stummschalter und Stecker prüfen."),
    "audio_overflow": ("Some sound was not heard", "Etwas Ton ging verloren", "Das Zuhören geht weiter."),
    "audio_faint": (
        "The microphone gives next to nothing",
        "Vom Mikrofon kommt fast nichts",
        "Ist es stumm geschaltet oder leise gestellt? Bitte prüfen.",
    ),
    "audio_clipping": (
        "The microphone is too loud",
        "Das Mikrofon übersteuert",
        "Bitte weiter weg stellen oder leiser regeln.",
    ),
    "disk_low": ("The memory card is nearly full", "Die Speicherkarte ist fast voll", "Bitte Platz schaffen."),
    "disk_slow": (
        "The memory card is slow",
        "Die Speicherkarte ist langsam",
        "Es geht nichts verloren; bleibt es so, bitte die Karte tauschen.",
    ),
    "history_damaged": (
        "Part of the history was damaged",
        "Ein Teil des Verlaufs war beschädigt",
        "Was lesbar war, ist gerettet; das Übrige liegt beiseite.",
    ),
    "journal": (
        "The history cannot be stored",
        "Der Verlauf kann nicht gespeichert werden",
        "Alarme gehen trotzdem hinaus; bitte die Speicherkarte prüfen.",
    ),
    "cpu_slow": (
        "The processor is too slow",
        "Der Prozessor ist zu langsam",
        "Ein Teil des Tons wurde nicht gehört; bitte andere Programme beenden.",
    ),
    "page_down": ("The page does not answer", "Die Seite antwortet nicht", "Zuhören und Alarme gehen weiter."),
    "broker_down": (
        "Phones cannot be reached",
        "Telefone sind nicht erreichbar",
        "Bitte Netzwerk und Broker prüfen; es wird weiter versucht.",
    ),
    "clock_unsynced": (
        "The clock is not set",
        "Die Uhr ist nicht gestellt",
        "Uhrzeiten können falsch sein, bis das Netzwerk da ist.",
    ),
    "detector": (
        "The hearing has failed",
        "Das Hören ist ausgefallen",
        "Bitte selbst nach dem Baby sehen und das Babyfon neu starten.",
    ),
    "second_ear": ("The second ear has failed", "Das zweite Ohr ist ausgefallen", "Das erste hört weiter."),
    "monitor": ("Something went wrong in the monitor", "Im Babyfon ist etwas schiefgegangen", "Mehr steht im Protokoll."),
    "panel": (
        "The buttons and the light do not work",
        "Knöpfe und Licht funktionieren nicht",
        "Bitte die Anschlüsse prüfen.",
    ),
    "control": ("The page cannot reach the monitor", "Die Seite erreicht das Babyfon nicht", "Mehr steht im Protokoll."),
    "mqtt": ("Messages cannot be made", "Nachrichten können nicht erstellt werden", "Mehr steht im Protokoll."),
    "watchdog": ("The watchdog does not work", "Die Selbstüberwachung funktioniert nicht", "Mehr steht im Protokoll."),
    "push": (
        "Push messages are not taken",
        "Push-Nachrichten werden nicht angenommen",
        "Bitte Adresse und Netzwerk prüfen; es wird weiter versucht.",
    ),
}
"""Every fault in a few words, by code: English, German; and in German what to do, which the monitor says in English."""
