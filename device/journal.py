"""The journal: the family's history in one SQLite file, written by the monitor alone and read by everybody else.

This is its front door; docs/storage.md describes the file, its promises and what happens when the disk fails.
"""

from device.inputs import Context
from device.journal_backup import backup, erase, restore
from device.journal_export import TABLES, csv_lines, export_csv, export_json, json_pieces
from device.journal_import import Imported, read_diary
from device.journal_reader import JournalReader
from device.journal_schema import VERSION
from device.journal_shapes import Change, Embedding, EpisodeRow, FaultRecord, Span
from device.journal_writer import JournalWriter

__all__ = [
    "TABLES",
    "VERSION",
    "Change",
    "Context",
    "Embedding",
    "EpisodeRow",
    "FaultRecord",
    "Imported",
    "JournalReader",
    "JournalWriter",
    "Span",
    "backup",
    "csv_lines",
    "erase",
    "export_csv",
    "export_json",
    "json_pieces",
    "read_diary",
    "restore",
]
