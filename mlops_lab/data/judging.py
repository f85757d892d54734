"""What is known of a version's content: its profile, and what suites say of it."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_lab.data.finder import read_versions
from mlops_lab.data.inputs import DatasetUser
from mlops_lab.data.records import CheckSummary, VersionRecord
from mlops_lab.errors import Conflict, InvalidInput, NotFound
from mlops_lab.governance import Access, Identity
from mlops_lab.store import Store

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from mlops_lab.compute import Profile
    from mlops_lab.data.diff import DatasetDiff
    from mlops_lab.data.suite import Suite
    from mlops_lab.data.suite_run import SuiteReport
    from mlops_lab.data.taking import Taken

__all__ = ["DatasetJudge", "Known"]

_log = logging.getLogger("mlops_lab")

_EARLIER: Final = 20
"""Row counts of so many earlier versions are given to checks."""


@dataclass(frozen=True, slots=True)
class Known:
    """What was found out about content before it became a version; kept in the store."""

    rows: int | None
    columns: int | None
    profile: str | None
    checks: tuple[CheckSummary, ...]

    @property
    def blocked(self) -> tuple[str, ...]:
        """The suites that block it."""
        return tuple(one.suite for one in self.checks if one.state == "blocked")

    @property
    def objects(self) -> tuple[str, ...]:
        """The content ids of profile and reports."""
        found = (self.profile, *(one.result for one in self.checks))
        return tuple(one for one in found if one is not None)


class DatasetJudge(DatasetUser):
    """Datasets with profiles and suites. Safe to use from several threads.

    Parameters
    ----------
    root
        The project's folder.
    store
        Where they are kept.
    identity
        Who acts, unless a call says otherwise.
    access
        Who may what; by default everybody everything.
    """

    def __init__(
        self, root: Path, store: Store, identity: Identity, access: Access | None = None
    ) -> None:
        super().__init__(root, store)
        self._identity = identity
        self._access = Access() if access is None else access

    def check(
        self,
        ref: str | VersionRecord,
        suite: str | Path | Suite,
        *,
        record: bool | None = None,
        by: Identity | None = None,
    ) -> SuiteReport:
        """Ask the checks of a suite of a version.

        Parameters
        ----------
        suite
            A suite of the project by name, or the path of a suite's file.
        record
            Whether what it says becomes part of the version's record, for everybody to see; by
            default when the one who asks may commit. A version that a suite blocks is not the
            latest any more.

        Raises
        ------
        InvalidInput
            The suite has faults, or the version is no table.
        """
        version = self.get(ref)
        chosen = self._suite(suite)
        who = by or self._identity
        if record is None:
            record = not self._store.read_only and self._access.may(who, "datasets:commit")
        elif record:
            self._access.require(who, "datasets:commit")
        report = self._ask(self._trusted(version), version.name, chosen, version.version)
        if record:
            self._record(version, report, who)
        return report

    def report(self, ref: str | VersionRecord, suite: str) -> SuiteReport:
        """What a suite said of a version last, with the rows that broke its checks.

        Raises
        ------
        NotFound
            The suite has not looked at it.
        """
        version = self.get(ref)
        summary = next((one for one in version.checks if one.suite == suite), None)
        if summary is None or summary.result is None:
            named = ", ".join(one.suite for one in version.checks) or "none has looked at it"
            raise NotFound(f"There is no report of the suite {suite} on {version.ref}: {named}.")
        return self._read_report(summary.result)

    def reports(self, ref: str | VersionRecord) -> Sequence[SuiteReport]:
        """What all suites said of a version last."""
        found = self.get(ref).checks
        return [self._read_report(one.result) for one in found if one.result is not None]

    def diff(
        self,
        before: str | VersionRecord,
        after: str | VersionRecord,
        *,
        key: str | Sequence[str] | None = None,
    ) -> DatasetDiff:
        """Compare two versions by files, schema and statistics, and with a key by rows.

        Parameters
        ----------
        before, after
            The earlier and the later version.
        key
            The columns that tell rows apart.

        Raises
        ------
        InvalidInput
            A key is given and one of them is no table, or it does not tell their rows apart.
        """
        from mlops_lab.compute import diff_profiles, diff_rows, is_tabular
        from mlops_lab.data.diff import DatasetDiff, diff_files

        first, second = self.get(before), self.get(after)
        profile, now = self.profile(first), self.profile(second)
        keyed = None
        if key:
            earlier, later = self._trusted(first), self._trusted(second)
            for one, path in ((first, earlier), (second, later)):
                if not is_tabular(path):
                    raise InvalidInput(f"{one.ref} is no table, so it has no rows to compare.")
            keyed = diff_rows(earlier, later, key, tmp=self._store.tmp)
        return DatasetDiff(
            before=first,
            after=second,
            files=(
                diff_files(self._contents(first), self._contents(second))
                if first.is_tree or second.is_tree
                else None
            ),
            profile=(None if profile is None or now is None else diff_profiles(profile, now)),
            keyed=keyed,
        )

    # ------------------------------------------------------------------ inside

    def _contents(self, version: VersionRecord) -> dict[str, str]:
        if not version.is_tree:
            return {version.file: version.digest}
        tree = self._store.objects.tree(version.digest)
        return {entry.path: entry.digest for entry in tree.entries}

    def _read_report(self, digest: str) -> SuiteReport:
        from mlops_lab.data.suite_run import SuiteReport

        return SuiteReport.from_json(json.loads(self._store.objects.trusted(digest).read_bytes()))

    def _look_at(self, name: str, taken: Taken, *, checks: bool) -> Known:
        """Find out about content that is to become a version."""
        from mlops_lab.compute import is_tabular

        suites = self._suites_of(name) if checks else []
        if taken.path is not None and not is_tabular(taken.path):
            if suites:
                raise _no_table(suites[0], name, taken.file)
            return Known(None, None, None, ())
        path = self._store.objects.view(taken.digest, taken.file, tree=taken.is_tree)
        profile, digest = self._profiled(name, path)
        return Known(
            rows=None if profile is None else profile.rows,
            columns=None if profile is None else len(profile.columns),
            profile=digest,
            checks=tuple(self._summary(self._ask(path, name, one, None)) for one in suites),
        )

    def _profiled(self, name: str, path: Path) -> tuple[Profile | None, str | None]:
        from mlops_lab import compute

        try:
            profile = compute.profile(compute.Source.of(path), tmp=self._store.tmp)
        except InvalidInput as error:
            # A file may be called .csv and be none; it is data all the same.
            why = str(error).replace(str(path), path.name)
            _log.warning("MLOps Lab: %s gets no profile: %s", name, why)
            return None, None
        return profile, self._keep(profile.to_json())

    def _judge_again(self, known: VersionRecord, who: Identity) -> bool:
        """Ask the suites that have changed since they looked; says whether any had."""
        asked = {(one.suite, one.suite_digest) for one in known.checks}
        changed = False
        for suite in self._suites_of(known.name):
            if (suite.name, suite.digest) not in asked:
                report = self._ask(self._trusted(known), known.name, suite, known.version)
                self._record(known, report, who)
                changed = True
        return changed

    def _suites_of(self, name: str) -> list[Suite]:
        """The project's suites for a dataset."""
        if not any((self._root / "suites").glob("*.y*ml")):
            return []  # and what reads them need not be loaded
        from mlops_lab.data.suite import suites_for

        return suites_for(self._root, name)

    def _suite(self, suite: str | Path | Suite) -> Suite:
        from mlops_lab.data.suite import Suite, find_suite, read_suite

        if isinstance(suite, Suite):
            return suite
        if isinstance(suite, Path) or str(suite).endswith((".yaml", ".yml")):
            return read_suite(Path(os.path.expanduser(suite)))
        if not isinstance(suite, str):
            raise InvalidInput(f"A suite is named, or a path to its file; got {suite!r}.")
        path = find_suite(self._root, suite)
        return read_suite(path, file=path.relative_to(self._root).as_posix())

    def _ask(self, path: Path, name: str, suite: Suite, version: int | None) -> SuiteReport:
        from mlops_lab.compute import is_tabular
        from mlops_lab.data.suite_run import run_suite

        if not is_tabular(path):
            raise _no_table(suite, name, path.name)
        return run_suite(
            path,
            suite,
            previous_rows=self._earlier_rows(name, version),
            tmp=self._store.tmp,
        )

    def _earlier_rows(self, name: str, version: int | None) -> list[int]:
        rows = self._store.query(
            "select rows from lab.dataset_versions where dataset = $name and rows is not null "
            "and state is distinct from 'blocked' and ($version is null or version < $version) "
            "order by version desc limit $limit",
            {"name": name, "version": version, "limit": _EARLIER},
        )
        return [count for (count,) in rows]

    def _summary(self, report: SuiteReport) -> CheckSummary:
        result = self._keep(report.to_json())
        return CheckSummary(report.suite, report.state, report.failed, result, report.suite_digest)

    def _record(self, version: VersionRecord, report: SuiteReport, who: Identity) -> None:
        summary = self._summary(report)
        if summary in version.checks:
            return  # it has said so before
        self._store.objects.settle([summary.result] if summary.result else [])

        def build(cursor: DuckDBPyConnection) -> Mapping[str, Any]:
            params = {"name": version.name, "version": version.version}
            now = read_versions(cursor, "dataset = $name and version = $version", params)
            if not now or now[0].digest != version.digest:
                raise Conflict(f"{version.ref} was deleted while it was being checked.")
            return {
                "dataset": version.name,
                "version": version.version,
                "digest": version.digest,
                "suite": summary.suite,
                "suite_digest": summary.suite_digest,
                "state": summary.state,
                "failed": summary.failed,
                "result": summary.result,
            }

        self._store.decide("dataset.check", build, by=who.as_by())

    def _keep(self, value: Mapping[str, Any]) -> str:
        data = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        return self._store.objects.put_bytes(data.encode())


def _no_table(suite: Suite, name: str, file: str) -> InvalidInput:
    return InvalidInput(
        f"The suite {suite.name} cannot look at {name}: {file} is no table. Give the suite another "
        "`dataset:`, or commit Parquet, CSV or JSON."
    )
