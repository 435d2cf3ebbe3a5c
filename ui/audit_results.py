"""What one finished audit found: verdicts, groups without evidence, comparisons, its plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

import streamlit as st
from markupsafe import Markup

from triage.auditing.measurement import AuditFinding
from triage.printable import printable
from triage.reports.audit_report import AuditReport
from triage.reports.sections.cells import metric_key
from triage.vocabulary.verdicts import Verdict
from ui import audit_tables, html_table
from ui.audit_folder import FinishedAudit
from ui.audit_tables import ORDER, WORDS, group_name
from ui.html_table import Column
from ui.serving.audit_routes import AUDIT_FILES
from ui.words import date_of, escape, plain_name, plural, time_of

_AUDIT = "audit"
"""Parameter of the address, and key of the choice."""
_VIEW = "view"
_MATRIX, _LIST = "By group", "With intervals and p-values"
_MOST_ROWS = 100
"""Of a table; the filters narrow what is listed."""
_MOST_LINES = 3
"""Of what a group would take, by limit."""
_FILES = (
    ("Open the report", "report.html", True),
    ("PDF", "report.pdf", False),
    ("JSON", "report.json", False),
    ("Archive (zip)", "audit.zip", False),
)
_STYLE = """
<style>
  .verdict { white-space: nowrap; font-weight: 600; }
  .verdict .sign, .tally .sign { display: inline-block; width: 1.25rem; height: 1.25rem;
    margin-right: 0.1rem; border: 1.5px solid currentColor; border-radius: 0.25rem;
    font-size: 0.8rem; font-weight: 700; line-height: 1.1rem; text-align: center; }
  .verdict.fails, .tally .fails { color: #9b1c1c; }
  .verdict.fails .sign, .tally .fails .sign { border-color: #9b1c1c; background: #9b1c1c;
    color: #fff; }
  .verdict.meets, .tally .meets { color: #14603a; }
  .verdict.open, .tally .open { color: #4c5a66; }
  .verdict.open .sign, .tally .open .sign { border-style: dashed; }
  .tt .verdict.fails a { color: #9b1c1c; }
  ul.tally, ul.files { display: flex; flex-wrap: wrap; gap: 0.5rem; margin: 0 0 0.25rem;
    padding: 0; list-style: none; font-size: 1rem; }
  ul.tally { gap: 0.25rem 1.5rem; }
  ul.tally li, ul.files li { margin: 0; padding: 0; font-size: inherit; }
  .tally b { font-size: 1.25rem; font-variant-numeric: tabular-nums; }
  .files a { display: inline-block; padding: 0.35rem 0.75rem; border: 1px solid #b7c3cc;
    border-radius: 0.5rem; background: #fff; color: #164a6f; font-weight: 600;
    text-decoration: none; }
  .files a:hover { border-color: #164a6f; text-decoration: underline; }
  .files li:first-child a { border-color: #164a6f; background: #164a6f; color: #fff; }
  .st-key-audit-matrix .tt { max-height: 36rem; overflow: auto; }
  .st-key-audit-matrix table { border-collapse: separate; border-spacing: 0; }
  .st-key-audit-matrix thead th { position: sticky; top: 0; z-index: 1; min-width: 7.5rem;
    max-width: 12rem; background: #fbfcfd; white-space: normal; vertical-align: bottom; }
  .st-key-audit-matrix thead th:first-child { left: 0; z-index: 2; }
  .st-key-audit-matrix tbody th { position: sticky; left: 0; min-width: 7rem; max-width: 12rem;
    background: #fbfcfd; font-weight: 600; }
  .st-key-audit-matrix tbody th .weak { font-weight: 400; }
  .st-key-audit-matrix td { white-space: nowrap; }
  @media (max-width: 640px) {
    .st-key-audit-matrix tbody th { max-width: 8rem; }
    .verdict { white-space: normal; }
  }
</style>
"""


def show_style() -> None:
    """Draw the style of the results; once at the beginning of a page that has some."""
    st.html(_STYLE)


def show(audits: Sequence[FinishedAudit]) -> None:
    """Draw the choice of an audit, and what the chosen one found."""
    if not audits:
        st.info(
            "No audit is finished yet. Choose a plan and run it, or put the folder that "
            "`triage audit run --out` has written into the folder of audits.",
            icon=":material/inbox:",
        )
        return
    by_name = {one.name: one for one in audits}
    names = list(by_name)
    wanted = st.query_params.get(_AUDIT, "")
    # Not bound to the address by Streamlit, which would put the title there, not the name.
    name = st.selectbox(
        "Report",
        names,
        names.index(wanted) if wanted in by_name else 0,
        key=_AUDIT,
        format_func=lambda name: _title(by_name[name]),
        on_change=_keep_in_address,
    )
    chosen = by_name[name]
    if chosen.report is None:
        st.error(escape(chosen.problem), icon=":material/error:")
        return
    _summary(chosen, chosen.report)
    of_database = audit_tables.DATABASE_FACT in chosen.report.facts
    _findings(chosen.name, chosen.report.findings, of_database=of_database)
    _not_enough(chosen.report.findings)
    _comparisons(chosen.report)
    _plan(chosen.report)


def _keep_in_address() -> None:
    st.query_params[_AUDIT] = st.session_state[_AUDIT]


def _title(audit: FinishedAudit) -> str:
    title = audit.report.title if audit.report else "cannot be read"
    return printable(f"{audit.name} · {title} · {date_of(audit.finished_at)}")


def _summary(audit: FinishedAudit, report: AuditReport) -> None:
    with st.container(border=True):
        st.header(escape(report.title), anchor=False)
        with st.container(horizontal=True, vertical_alignment="center", gap="large"):
            tally = st.container(width="content")
            html_table.show_markup(tally, audit_tables.tally(report.findings))
            html_table.show_markup(st.container(width="content"), _files(audit.name))
        system = report.system.name
        version = f" {report.system.version}" if report.system.version else ""
        st.markdown(
            f"**{escape(system + version)}** on {audit_tables.size_words(report)}, "
            f"plan {escape(report.registration.sentence)}. Finished {time_of(audit.finished_at)}."
        )
        for axis in report.plan.axes:
            if sentence := audit_tables.skin_tone_sentence(axis):
                st.caption(escape(sentence))
        if report.deviations:
            st.warning(
                f"{plural(len(report.deviations), 'deviation', 'deviations')} from the plan: "
                f"{escape(' '.join(report.deviations))}",
                icon=":material/warning:",
            )
        if report.public:
            st.caption("Small cells are suppressed in this report, which is meant to be published.")


def _files(audit: str) -> Markup:
    items = []
    for words, name, shown in _FILES:
        address = f"{AUDIT_FILES}/{audit}/{name}"
        kind = Markup('target="_blank" rel="noopener"') if shown else Markup("download")
        items.append(Markup('<li><a href="{}" {}>{}</a></li>').format(address, kind, words))
    return Markup('<ul class="files">{}</ul>').format(Markup("").join(items))


def _findings(audit: str, findings: Sequence[AuditFinding], *, of_database: bool) -> None:
    with st.container(border=True):
        st.header("Verdicts", anchor=False)
        if not findings:
            st.info(
                "The plan states no limit, so there is no verdict. The report has every estimate.",
                icon=":material/info:",
            )
            return
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            view = st.segmented_control(
                "View",
                [_MATRIX, _LIST],
                key=_VIEW,
                default=_MATRIX,
                required=True,
                bind="query-params",
                label_visibility="collapsed",
            )
            shown = _filtered(findings)
        if not shown:
            st.info("No finding is left by the filters.", icon=":material/filter_alt_off:")
            return
        if of_database:
            st.caption(
                "A verdict that fails leads to the cases that count as errors, where single cases "
                "do."
            )
        address = partial(audit_tables.address_of_cases, audit if of_database else "")
        if view == _LIST:
            ordered = [one for verdict in ORDER for one in shown if one.verdict is verdict]
            _table(ordered, address)
            return
        made = audit_tables.matrix(shown, address)
        with st.container(key="audit-matrix"):
            html_table.show_table("Verdict of each group and limit", made.columns, made.rows)


def _filtered(findings: Sequence[AuditFinding]) -> list[AuditFinding]:
    axes = list(dict.fromkeys(one.axis for one in findings))
    titles = list(dict.fromkeys(one.title for one in findings))
    with st.popover("Filters", icon=":material/tune:"):
        axis = st.multiselect("Axes", axes, format_func=plain_name, placeholder="All axes")
        title = st.multiselect("Metrics", titles, format_func=printable, placeholder="All metrics")
        verdict = st.multiselect(
            "Verdicts", ORDER, format_func=WORDS.__getitem__, placeholder="All verdicts"
        )
    return [
        one
        for one in findings
        if (not axis or one.axis in axis)
        and (not title or one.title in title)
        and (not verdict or one.verdict in verdict)
    ]


def _table(findings: Sequence[AuditFinding], address: Callable[[AuditFinding], str]) -> None:
    rows = [audit_tables.finding_row(one, address(one)) for one in findings[:_MOST_ROWS]]
    columns = audit_tables.FINDING_COLUMNS
    html_table.show_table("Findings", columns, rows, stacked=True)
    _left_out(len(findings), "findings")


def _left_out(total: int, what: str) -> None:
    if total > _MOST_ROWS:
        st.caption(f"The first {_MOST_ROWS} of {total} {what}; the report has all of them.")


def _not_enough(findings: Sequence[AuditFinding]) -> None:
    unknown = [one for one in findings if one.verdict is Verdict.NOT_ENOUGH]
    if not unknown:
        return
    with st.container(border=True):
        st.header("For whom it is not known", anchor=False)
        st.caption(
            "Too few cases to say whether the limit is met. That is neither a pass nor a failure."
        )
        columns = (
            Column("Group"),
            Column("Limits without an answer", "number"),
            Column("It would take"),
        )
        rows = []
        for axis, level in dict.fromkeys((one.axis, one.level) for one in unknown):
            here = [one for one in unknown if (one.axis, one.level) == (axis, level)]
            needs = [
                f"{one.title}: {words}" for one in here if (words := audit_tables.more_words(one))
            ]
            name = group_name(axis, level)
            rows.append((name, str(len(here)), _list(needs)))
        shown = rows[:_MOST_ROWS]
        html_table.show_table("Groups without enough evidence", columns, shown, stacked=True)
        _left_out(len(rows), "groups")


def _list(items: Sequence[str]) -> Markup:
    if not items:
        return html_table.weak("not known")
    shown: list[str | Markup] = [printable(item) for item in items[:_MOST_LINES]]
    if len(items) > _MOST_LINES:
        left_out = plural(len(items) - _MOST_LINES, "more limit", "more limits")
        shown.append(html_table.weak(f"and {left_out}"))
    return Markup("<br>").join(shown)


def _comparisons(report: AuditReport) -> None:
    judged = {one.metric for one in report.findings}
    judged |= {metric_key(one) for one in report.plan.margins}
    found = [one for one in report.comparisons if one.metric in judged]
    if not found:
        return
    units = audit_tables.units_of(report)
    with_margin_first = sorted(found, key=lambda one: one.margin is None)
    with st.container(border=True):
        st.header("Differences between groups", anchor=False)
        st.caption(
            "Each group against the reference of its axis, on the metrics that the plan judges; "
            "those with a margin stand first. The report has the other metrics."
        )
        rows = [
            audit_tables.comparison_row(one, units.get(one.metric, ""))
            for one in with_margin_first[:_MOST_ROWS]
        ]
        columns = audit_tables.COMPARISON_COLUMNS
        html_table.show_table("Differences between groups", columns, rows, stacked=True)
        _left_out(len(found), "comparisons")


def _plan(report: AuditReport) -> None:
    plan, found = report.plan, report.registration
    facts = [
        ("Limits set by", plan.source),
        ("Plan made", time_of(plan.created_at)),
        ("Plan, SHA-256", report.plan_sha256),
        ("Registration", found.sentence),
        ("Registered", _moment(found.at)),
        ("Event of the ledger", "" if found.sequence is None else str(found.sequence)),
        ("Head of the ledger", found.head),
        ("Bundle", report.system.bundle or plan.bundle or ""),
        ("Confidence", f"{100 * plan.intervals.confidence:g} %"),
        ("Resamples of patients", str(plan.intervals.replicates)),
        ("Software", report.code_version),
    ]
    facts += [(plain_name(name), value) for name, value in report.facts.items()]
    facts += [(f"Left out: {reason}", str(count)) for reason, count in report.excluded.items()]
    rows = [(name, value) for name, value in facts if value]
    with st.expander("The plan, its registration, and what was read"):
        columns = (Column("What"), Column("Stated"))
        html_table.show_table("Plan and registration", columns, rows, stacked=True)


def _moment(text: str) -> str:
    try:
        return time_of(datetime.fromisoformat(text))
    except ValueError:
        return text
