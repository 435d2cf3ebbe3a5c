"""Items of reporting checklists, and the section of an audit report that addresses each.

Numbers are those of STARD-AI 2025, TRIPOD+AI 2024, CLAIM (2024 update) and DECIDE-AI 2022, checked
against third parties' copies of the lists, not against the publications. Topics are in our words:
the lists themselves say what an item asks.
"""

from __future__ import annotations

from typing import NamedTuple


class Item(NamedTuple):
    """An item of a checklist.

    Parameters
    ----------
    number : str
        As the checklist counts.
    topic : str
        What it is about, in our words.
    section : str
        Key of the section that addresses it; empty where no section of an audit does.
    note : str
        How far, where it is in part.
    """

    number: str
    topic: str
    section: str = ""
    note: str = ""


STARD_AI = (
    Item("1", "named as a study of AI and of diagnostic accuracy", "cover"),
    Item("2", "structured summary", "summary"),
    Item("3", "clinical background, intended use, workflow", "intended_use", "intended use only"),
    Item("4", "objectives", "plan", "limits and margins of the plan"),
    Item("5", "data collected before or after planning"),
    Item("6", "ethics approval"),
    Item("7", "eligibility of participants and of data", "data", "rows left out and why"),
    Item("8", "how participants were identified"),
    Item("9", "setting, places and dates", "plan", "period and cohorts"),
    Item("10", "consecutive, random or convenience series"),
    Item("11", "source of the data", "data"),
    Item("12", "who annotated, and how", "reference_standard"),
    Item("13", "devices and software", "system", "software"),
    Item("14", "acquisition and preprocessing"),
    Item("15a", "index test in detail", "system"),
    Item("15b", "development of the index test", "system"),
    Item("15c", "cut-offs of the index test", "system"),
    Item("15d", "user and expertise needed", "intended_use"),
    Item("16a", "reference standard in detail", "reference_standard"),
    Item("16b", "reason for the reference standard"),
    Item("16c", "categories of the reference standard", "plan", "conditions and their urgency"),
    Item("17a", "what readers of the index test knew"),
    Item("17b", "what assessors of the reference knew"),
    Item("18", "methods of estimation and comparison", "plan"),
    Item("19", "indeterminate results", "abstention"),
    Item("20", "missing data", "data"),
    Item("21", "analyses of variability", "subgroups"),
    Item("22", "intended sample size"),
    Item("23", "errors, bias and fairness", "subgroups"),
    Item("24", "flow of participants", "data"),
    Item("25", "characteristics of training, validation and test sets", "data", "sizes of groups"),
    Item("26a", "severity of the target condition"),
    Item("26b", "alternative diagnoses"),
    Item("27", "interval between index test and reference"),
    Item("28", "whether the data represent the intended population"),
    Item("29", "how external data differ"),
    Item("30", "cross tabulation against the reference", "performance", "whole for a bundle only"),
    Item("31", "estimates with their precision", "performance"),
    Item("32", "adverse events", "incidents"),
    Item("33", "limitations", "limitations"),
    Item("34", "implications for practice", "intended_use"),
    Item("35", "ethical considerations"),
    Item("36", "registration", "plan", "of the plan, not in a public registry"),
    Item("37", "access to the protocol", "plan", "the plan is part of report.json"),
    Item("38", "funding"),
    Item("39", "commercial interests"),
    Item("40a", "availability of data and code", "reproducibility"),
    Item("40b", "outputs stored and open to audit", "integrity"),
)
TRIPOD_AI = (
    Item("1", "named as development or evaluation of a model", "cover"),
    Item("2", "abstract", "summary"),
    Item("3a", "healthcare context and reason", "intended_use"),
    Item("3b", "target population, purpose, users", "intended_use"),
    Item("3c", "known health inequalities"),
    Item("4", "objectives", "plan"),
    Item("5a", "sources of data", "data"),
    Item("5b", "dates of the data", "plan", "period"),
    Item("6a", "setting and centres", "plan", "cohorts"),
    Item("6b", "eligibility", "data", "rows left out and why"),
    Item("6c", "treatments"),
    Item("7", "data preparation and quality checks"),
    Item("8a", "outcome and its assessment", "reference_standard"),
    Item("8b", "who assessed the outcome", "reference_standard"),
    Item("8c", "blinding of the outcome"),
    Item("9a", "choice of predictors", "system"),
    Item("9b", "definition of predictors", "system"),
    Item("9c", "who assessed predictors"),
    Item("10", "sample size"),
    Item("11", "missing data", "data"),
    Item("12a", "use and partition of the data", "data"),
    Item("12b", "handling of predictors", "system"),
    Item("12c", "type of model and how it was built", "system"),
    Item("12d", "heterogeneity between clusters", "subgroups"),
    Item("12e", "measures of performance", "plan"),
    Item("12f", "updating of the model", "changes"),
    Item("12g", "how predictions were calculated", "reproducibility"),
    Item("13", "class imbalance"),
    Item("14", "fairness", "subgroups"),
    Item("15", "output and thresholds", "system"),
    Item("16", "development against evaluation data"),
    Item("17", "ethics approval and consent"),
    Item("18a", "funding"),
    Item("18b", "conflicts of interest"),
    Item("18c", "protocol", "plan", "the plan is part of report.json"),
    Item("18d", "registration", "plan", "of the plan, not in a public registry"),
    Item("18e", "sharing of data"),
    Item("18f", "sharing of code", "reproducibility", "version and command"),
    Item("19", "involvement of patients and public"),
    Item("20a", "flow of participants", "data"),
    Item("20b", "characteristics of participants", "data", "sizes of groups"),
    Item("20c", "comparison with the development data"),
    Item("21", "participants and events of each analysis", "performance"),
    Item("22", "the full model", "system", "hashes of its files"),
    Item("23a", "performance with intervals, of key subgroups too", "performance"),
    Item("23b", "heterogeneity of performance", "subgroups"),
    Item("24", "results of updating", "changes"),
    Item("25", "interpretation, with fairness", "summary"),
    Item("26", "limitations", "limitations"),
    Item("27a", "poor or absent input", "abstention"),
    Item("27b", "what users do, and expertise needed", "intended_use"),
    Item("27c", "next steps"),
)
CLAIM = (
    Item("1", "named as a study of AI, and its kind", "cover"),
    Item("2", "summary", "summary"),
    Item("3", "background, intended use and role", "intended_use"),
    Item("4", "aims", "plan"),
    Item("5", "prospective or retrospective"),
    Item("6", "goal", "plan"),
    Item("7", "data sources", "data"),
    Item("8", "inclusion and exclusion", "data", "rows left out and why"),
    Item("9", "preprocessing"),
    Item("10", "selection of subsets", "data"),
    Item("11", "de-identification"),
    Item("12", "missing data", "data"),
    Item("13", "acquisition protocol"),
    Item("14", "how the reference standard was obtained", "reference_standard"),
    Item("15", "reason for the reference standard"),
    Item("16", "source of its annotations", "reference_standard"),
    Item("17", "annotation of the test set", "reference_standard"),
    Item("18", "variability between and within raters", "reference_standard"),
    Item("19", "assignment to partitions", "data"),
    Item("20", "level at which partitions are disjoint", "data"),
    Item("21", "sample size"),
    Item("22", "the model in detail", "system"),
    Item("23", "software", "system"),
    Item("24", "initial parameters"),
    Item("25", "training", "system", "hash of the settings"),
    Item("26", "choice of the final model"),
    Item("27", "ensembling", "system"),
    Item("28", "metrics", "plan"),
    Item("29", "significance and uncertainty", "plan"),
    Item("30", "robustness and sensitivity", "robustness"),
    Item("31", "explainability"),
    Item("32", "evaluation on internal data", "performance"),
    Item("33", "testing on external data"),
    Item("34", "registration of a trial"),
    Item("35", "numbers included and excluded", "data"),
    Item("36", "characteristics of cases by partition", "data", "sizes of groups"),
    Item("37", "performance with uncertainty", "performance"),
    Item("38", "diagnostic performance with precision", "performance"),
    Item("39", "analysis of failures", "errors"),
    Item("40", "limitations", "limitations"),
    Item("41", "implications for practice", "intended_use"),
    Item("42", "protocol and technical details", "plan"),
    Item("43", "availability of software, model and data", "reproducibility"),
    Item("44", "funding"),
)
DECIDE_AI = (
    Item("1", "named as early clinical evaluation of AI", "cover"),
    Item("I", "abstract", "summary"),
    Item("2", "intended use, patients and users", "intended_use"),
    Item("II", "objectives", "plan"),
    Item("III", "protocol, registration, ethics approval", "plan", "registration of the plan"),
    Item("3", "recruitment of patients and users, training of users"),
    Item("4", "the system, its inputs and outputs", "system"),
    Item("5", "setting and workflow"),
    Item("IV", "outcomes", "plan"),
    Item("6", "how errors and harm were identified", "risks"),
    Item("7", "methods of human factors"),
    Item("V", "analysis, with planned subgroups", "plan"),
    Item("8", "ethical aims such as fairness", "subgroups"),
    Item("VI", "involvement of patients"),
    Item("9", "characteristics of patients and users", "data", "patients, by group"),
    Item("10", "exposure, use and adherence", "team"),
    Item("VII", "main results", "performance"),
    Item("VIII", "results of subgroups", "subgroups"),
    Item("11", "changes of the system", "changes"),
    Item("12", "agreement of people with the system", "team"),
    Item("13", "errors, malfunctions and harm", "incidents"),
    Item("14", "usability and learning curves"),
    Item("15", "support for the intended use", "summary"),
    Item("16", "safety profile", "incidents"),
    Item("IX", "strengths and limitations", "limitations"),
    Item("17", "availability of data and code", "reproducibility"),
    Item("X", "conflicts of interest"),
)
CHECKLISTS: dict[str, tuple[Item, ...]] = {
    "STARD-AI": STARD_AI,
    "TRIPOD+AI": TRIPOD_AI,
    "CLAIM": CLAIM,
    "DECIDE-AI": DECIDE_AI,
}
