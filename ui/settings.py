"""Streamlit's settings: local access only, no telemetry, and the colours of the pages."""

from __future__ import annotations

SHORTCUT = "Ctrl+S"
"""Presses a page's main button wherever the focus is; Enter does not, on a radio button."""

SAFETY = {
    "server.address": "127.0.0.1",
    "server.headless": "true",
    "server.fileWatcherType": "none",
    "browser.gatherUsageStats": "false",
    "client.toolbarMode": "minimal",
    "client.showErrorDetails": "none",
    "client.showErrorLinks": "false",
    "client.disableDataExport": "true",
}
"""No other computer can connect, no usage is reported, no error shows source code or paths."""

THEME = {
    "theme.base": "light",
    "theme.primaryColor": "#164a6f",
    "theme.backgroundColor": "#fbfcfd",
    "theme.secondaryBackgroundColor": "#eef2f5",
    "theme.textColor": "#0f1923",
    "theme.borderColor": "#d5dde4",
    "theme.baseRadius": "medium",
    "theme.paddingTop": "2.5rem",
    "theme.headingFontSizes": '["1.8rem", "1.45rem", "1.2rem"]',
    "theme.showWidgetBorder": "true",
    "theme.showSidebarBorder": "true",
}
"""Dark enough for a contrast of 4.5 to 1 in faded captions and key hints (WCAG 2.2, 1.4.3)."""


def flags(port: int) -> list[str]:
    """Return the command-line flags for Streamlit."""
    settings = {**SAFETY, **THEME, "server.port": str(port)}
    return [f"--{name}={value}" for name, value in settings.items()]
