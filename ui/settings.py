"""Streamlit's settings: no telemetry, no details of errors, and the colours of the pages."""

from __future__ import annotations

from typing import Any

SHORTCUT = "Ctrl+S"
"""Presses a page's main button wherever the focus is; Enter does not, on a radio button."""

LARGEST_FILE_MB = 256
"""As `triage.intake.upload_folder.MOST_BYTES`, which a test compares; importing it here is slow."""

SAFETY: dict[str, Any] = {
    "server.headless": True,
    "server.fileWatcherType": "none",
    "server.enableXsrfProtection": True,
    "server.enableCORS": True,
    "server.enableAgentApi": False,
    "server.enableStaticServing": False,
    "server.disconnectedSessionTTL": 3600,
    "server.maxUploadSize": 1,
    "browser.gatherUsageStats": False,
    "client.toolbarMode": "minimal",
    "client.showErrorDetails": "none",
    "client.showErrorLinks": False,
    "client.disableDataExport": True,
    "client.allowedOrigins": [],
}
"""No usage is reported, no other program or site drives the pages, no error shows code or paths.

Unless the server has a folder for files, the pages take none; Streamlit would take uploads all the
same, of so many MB at most.
What a reader typed is kept for an hour where the connection is lost, in seconds."""

THEME: dict[str, Any] = {
    "theme.base": "light",
    "theme.primaryColor": "#164a6f",
    "theme.backgroundColor": "#fbfcfd",
    "theme.secondaryBackgroundColor": "#eef2f5",
    "theme.textColor": "#0f1923",
    "theme.borderColor": "#d5dde4",
    "theme.baseRadius": "medium",
    "theme.paddingTop": "2.5rem",
    "theme.headingFontSizes": ["1.8rem", "1.45rem", "1.2rem"],
    "theme.showWidgetBorder": True,
    "theme.showSidebarBorder": True,
}
"""Dark enough for a contrast of 4.5 to 1 in faded captions and key hints (WCAG 2.2, 1.4.3)."""


def streamlit_options(*, take_files: bool = False) -> dict[str, Any]:
    """Return Streamlit's configuration, by name of its options.

    Parameters
    ----------
    take_files : bool
        Whether people may add files, of `LARGEST_FILE_MB` each.
    """
    files = {"server.maxUploadSize": LARGEST_FILE_MB} if take_files else {}
    return {**SAFETY, **files, **THEME}
