"""How Streamlit runs: on this computer only, telling nobody, in calm colours."""

from __future__ import annotations

SHORTCUT = "Ctrl+S"
"""Presses a page's main button, wherever the focus is; radio buttons swallow Enter."""

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
"""No other computer can connect, nothing is reported, and an error shows no inside."""

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
"""Dark enough that faded captions and key hints still reach 4.5 to 1 (WCAG 2.2, 1.4.3)."""


def flags(port: int) -> list[str]:
    """Return the command-line flags for Streamlit."""
    settings = {**SAFETY, **THEME, "server.port": str(port)}
    return [f"--{name}={value}" for name, value in settings.items()]
