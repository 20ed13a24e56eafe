"""What both backends do about a server that is away: another error, and another connection."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import DatabaseErrorWrapper
from django.utils.functional import cached_property

from messaging.away import DatabaseAwayError, unavailable
from messaging.outages import DATABASE


class ErrorsByVerdict(DatabaseErrorWrapper):
    """Raises DatabaseAwayError and DatabaseBusyError, and else what Django would."""

    wrapper: Any  # a DatabaseWrapper

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        told = unavailable(error) if error is not None else None
        if told is None:
            super().__exit__(kind, error, trace)
            return
        self.wrapper.errors_occurred = True
        if isinstance(told, DatabaseAwayError):
            self.wrapper.close_at = 0.0  # whoever closes old connections closes this one
        raise told.with_traceback(trace) from error


class TellsOutages(BaseDatabaseWrapper):
    """Mixed into a backend's DatabaseWrapper."""

    @cached_property
    def wrap_database_errors(self) -> Any:
        return ErrorsByVerdict(self)

    def _commit(self) -> None:
        """A commit is the proof that it can write: reading says nothing about that."""
        super()._commit()  # type: ignore[misc]
        DATABASE.worked()
