"""Says that runs wait for a graph which this server has not loaded."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from cronlane_service.domain.ports import Operation, Transaction

log = structlog.get_logger(__name__)


class Stranded:
    """Once for each graph: another server or worker may have it, or come with it."""

    def __init__(self, find: Operation[Sequence[str]]) -> None:
        self._find = find
        self._told: set[str] = set()

    def tell(self, tx: Transaction) -> int:
        """A sweep that sweeps nothing."""
        for graph_id in self._find(tx):
            if graph_id not in self._told:
                self._told.add(graph_id)
                log.warning("graph_missing", graph_id=graph_id, problem="its runs wait for a server that has loaded it")
        return 0
