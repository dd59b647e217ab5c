"""What a run is told, in short: most of it is what its other fields say, or the default, and it is half of its row."""

from __future__ import annotations

from cronlane_service.domain.runs import Run

_SHORT = "~"  # no JSON begins with it
_INPUT = '{"input":'


def shortened(run: Run) -> str:
    """Of a run's ``kwargs`` the input alone, if the rest is as usual; else all of it."""
    rest = usual(run.run_id, run.thread_id, run.graph_id, run.assistant_id, run.owner, run.cron_id, run.temporary)
    if run.kwargs.startswith(_INPUT) and run.kwargs.endswith(rest):
        return _SHORT + run.kwargs[len(_INPUT) : -len(rest)]
    return run.kwargs


def restored(text: str, rest: str) -> str:
    """All of it, to the letter; ``rest`` is what is `usual` of the run."""
    return f"{_INPUT}{text[len(_SHORT) :]}{rest}" if text.startswith(_SHORT) else text


def usual(
    run_id: str,
    thread_id: str,
    graph_id: str,
    assistant_id: str,
    owner: str,
    cron_id: str | None,
    temporary: bool,
) -> str:
    """Never to be changed: it is what stored runs were told. If something else becomes usual it needs its own mark.

    A name that JSON spells otherwise makes it none that a run is told, which is no harm.
    """
    cron = "" if cron_id is None else f'"cron_id":"{cron_id}"'
    return (
        ',"command":null,"config":{"configurable":{'
        f'"thread_id":"{thread_id}","run_id":"{run_id}","graph_id":"{graph_id}","assistant_id":"{assistant_id}",'
        f'"user_id":"{owner}"{cron and ","}{cron}}}}},"context":{{{cron}}},"stream_mode":["values"],'
        '"interrupt_before":null,"interrupt_after":null,"webhook":null,"feedback_keys":null,'
        f'"temporary":{"true" if temporary else "false"},"subgraphs":false,"resumable":false,'
        '"checkpoint_during":true,"durability":"async"}'
    )
