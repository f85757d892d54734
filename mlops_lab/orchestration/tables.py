"""The table of gates: what each said about a pipeline run, and the view users see."""

from __future__ import annotations

from typing import Final

from mlops_lab.store import ConceptTables, Fold

__all__ = ["TABLES"]

_DDL: Final = """
create table lab.gate(
    run_id varchar, index integer, kind varchar, expression varchar, state varchar,
    sentence varchar, lhs double, rhs double, t bigint, writer varchar, off bigint);
"""

_GATE: Final = """
insert into lab.gate
select run, d.i, d.kind, d.expression, d.state, d.sentence, d."left", d."right", t, writer, off
from (select run, t, writer, off,
             from_json(line, '{"i": "integer", "kind": "varchar", "expression": "varchar",
                 "state": "varchar", "sentence": "varchar", "left": "double",
                 "right": "double"}') as d
      from lines where kind = 'gate') l
where run is not null and d.i is not null and d.state is not null;
"""

_VIEW: Final = """
    select g.run_id, g.index, g.kind, g.expression, g.state, g.sentence,
           g.lhs as "left", g.rhs as "right", make_timestamp(g.t) as decided_at
    from lab.gate g join lab.run r using (run_id)
    where r.started_at is not null and r.lifecycle = 'active'
    qualify row_number() over (partition by g.run_id, g.index
                               order by g.t desc, g.writer desc, g.off desc) = 1"""

TABLES: Final = ConceptTables(
    name="orchestration",
    ddl=_DDL,
    folds=(Fold(("gate",), _GATE),),
    views={"gates": _VIEW},
)
"""A line ``gate`` says ``i`` (from 0), ``kind``, ``expression``, ``state`` (passed, rejected),
``sentence``, and where the gate compares two numbers, ``left`` and ``right``."""
