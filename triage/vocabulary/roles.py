"""Roles of accounts, and the actions that permissions are about."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What an account is for; each account has one."""

    READER = "reader"
    SENIOR_READER = "senior_reader"
    GOVERNANCE = "governance"
    ENGINEER = "engineer"
    ADMINISTRATOR = "administrator"


class Action(StrEnum):
    """What a service may refuse; `triage.accounts.permissions` says which role may do what."""

    VIEW_CASES = "view_cases"
    READ_CASE = "read_case"
    GIVE_SECOND_READ = "give_second_read"
    ADJUDICATE = "adjudicate"
    ADJUDICATE_AS_SENIOR = "adjudicate_as_senior"
    SIGN = "sign"
    ADD_LABEL = "add_label"
    EXPORT_CASE = "export_case"
    VIEW_REVIEW_FIGURES = "view_review_figures"
    AUDIT = "audit"
    SET_POLICY = "set_policy"
    PLANT_CASE = "plant_case"
    UPLOAD_CASE = "upload_case"
    ADD_CASES = "add_cases"
    CHANGE_MODELS = "change_models"
    APPROVE_MODELS = "approve_models"
    SELECT_CASES = "select_cases"
    WITHDRAW_DATA = "withdraw_data"
    MONITOR = "monitor"
    HANDLE_ALARMS = "handle_alarms"
    MANAGE_DATABASE = "manage_database"
    MANAGE_ACCOUNTS = "manage_accounts"
