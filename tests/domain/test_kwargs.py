"""What a run is told is kept in short, and comes back to the letter."""

from __future__ import annotations

import pytest

from builders import AGENT, NOON
from cronlane_service.domain import kwargs
from cronlane_service.domain.launch import Origin, launch
from cronlane_service.domain.models import Assistant, RunTemplate, Thread
from cronlane_service.domain.runs import Run

RUN, THREAD, CRON = (f"00000000-0000-7000-8000-00000000000{number}" for number in range(3))


def launched(template: RunTemplate, origin: Origin, graph_id: str = "agent") -> Run:
    assistant = Assistant(AGENT, "", graph_id, "name", NOON, NOON)
    run, _ = launch(RUN, NOON, assistant, Thread(THREAD, "ann", NOON, NOON, NOON), template, origin)
    return run


def restored(text: str, run: Run) -> str:
    rest = kwargs.usual(
        run.run_id, run.thread_id, run.graph_id, run.assistant_id, run.owner, run.cron_id, run.temporary
    )
    return kwargs.restored(text, rest)


@pytest.mark.parametrize("origin", [Origin(), Origin(temporary=True), Origin(cron_id=CRON, scheduled_for=NOON)])
@pytest.mark.parametrize("given", [None, '{"x":  1.0}', '"~"'])
def test_of_a_usual_run_the_input_alone_is_kept(origin: Origin, given: str | None) -> None:
    run = launched(RunTemplate(input=given), origin)
    assert kwargs.shortened(run) == "~" + (given or "null")
    assert restored(kwargs.shortened(run), run) == run.kwargs


@pytest.mark.parametrize(
    "run",
    [
        launched(RunTemplate(input="1", durability="exit"), Origin(cron_id=CRON)),
        launched(RunTemplate(command='{"resume": 1}'), Origin()),
        launched(RunTemplate(config='{"tags": []}'), Origin()),
        launched(RunTemplate(context='{"a": 1}'), Origin()),
        launched(RunTemplate(), Origin(), graph_id='a "graph"'),
    ],
)
def test_of_a_run_that_is_told_something_else_all_is_kept(run: Run) -> None:
    assert kwargs.shortened(run) == run.kwargs
    assert restored(run.kwargs, run) == run.kwargs


def test_what_stored_runs_were_told_stays_what_it_was() -> None:
    assert kwargs.restored("~[1]", kwargs.usual("r", "t", "g", "a", "o", "c", True)) == (
        '{"input":[1],"command":null,"config":{"configurable":{"thread_id":"t","run_id":"r","graph_id":"g",'
        '"assistant_id":"a","user_id":"o","cron_id":"c"}},"context":{"cron_id":"c"},"stream_mode":["values"],'
        '"interrupt_before":null,"interrupt_after":null,"webhook":null,"feedback_keys":null,"temporary":true,'
        '"subgraphs":false,"resumable":false,"checkpoint_during":true,"durability":"async"}'
    )
