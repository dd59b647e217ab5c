"""One script of calls, good and bad, that any server of the API can be put through."""

from __future__ import annotations

from contextlib import closing

from differential.chapters.assistants import assistants
from differential.chapters.crons import crons
from differential.chapters.factories import factories
from differential.chapters.firings import firings
from differential.chapters.runs import runs
from differential.chapters.states import states
from differential.chapters.store import store
from differential.chapters.streams import streams
from differential.chapters.system import system
from differential.chapters.threads import threads
from differential.recording import Answer, Api

CHAPTERS = (threads, states, runs, streams, assistants, factories, store, system, crons, firings)


def play(url: str) -> list[Answer]:
    """What the server at this address answers to each call, in order."""
    with closing(Api(url)) as api:
        for chapter in CHAPTERS:
            chapter(api)
        return api.recorder.answers
