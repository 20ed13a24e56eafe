from __future__ import annotations

import pytest

from chat.http.devices import describe_device

MOZILLA = "Mozilla/5.0"
WINDOWS = f"{MOZILLA} (Windows NT 10.0; Win64; x64)"
LIKE_CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"


class TestDescribeDevice:
    @pytest.mark.parametrize(
        ("user_agent", "words"),
        [
            (f"{WINDOWS} {LIKE_CHROME}", "Chrome, Windows"),
            (f"{WINDOWS} {LIKE_CHROME} Edg/141.0.0.0", "Edge, Windows"),
            (f"{WINDOWS} {LIKE_CHROME} OPR/120.0", "Opera, Windows"),
            (
                f"{MOZILLA} (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
                "Firefox, Linux",
            ),
            (
                f"{MOZILLA} (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15"
                " (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
                "Safari, macOS",
            ),
            (
                f"{MOZILLA} (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15"
                " (KHTML, like Gecko) CriOS/141.0 Mobile/15E148 Safari/604.1",
                "Chrome, iPhone",
            ),
            (f"{MOZILLA} (Linux; Android 16; Pixel 9) {LIKE_CHROME}", "Chrome, Android"),
            ("Firefox/144.0", "Firefox"),
        ],
    )
    def test_names_browser_and_system(self, user_agent, words):
        assert describe_device(user_agent) == words

    @pytest.mark.parametrize("user_agent", ["", "curl/8.14", "<script>"])
    def test_says_so_when_it_knows_neither(self, user_agent):
        assert describe_device(user_agent) == "Unknown browser"
