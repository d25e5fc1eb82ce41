"""Start the Streamlit page as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import resources

from pubmed_rag.core.settings import Settings

_COLOUR = "#0f766e"


def serve(settings: Settings, *, port: int, address: str, browser: bool) -> int:
    """Run the page until it is stopped; returns its exit code. Nothing is sent to anybody."""
    page = resources.files("pubmed_rag.ui").joinpath("app.py")
    command = [sys.executable, "-m", "streamlit", "run", str(page), *page_options(port, address, browser=browser)]
    environment = {**os.environ, "PUBMED_RAG_LIBRARY": str(settings.library.expanduser().resolve())}
    try:
        return subprocess.run(command, env=environment, check=False).returncode
    except KeyboardInterrupt:
        return 0


def page_options(port: int, address: str, *, browser: bool) -> list[str]:
    """Streamlit's options for the page."""
    return [
        *("--server.port", str(port), "--server.address", address),
        *("--server.headless", "false" if browser else "true"),
        *("--browser.gatherUsageStats", "false"),
        *("--client.toolbarMode", "minimal"),
        # One colour that white text stands out on, set for both themes: set for all, it would force the light one.
        *("--theme.light.primaryColor", _COLOUR, "--theme.dark.primaryColor", _COLOUR),
        *("--server.maxUploadSize", "200"),
    ]
