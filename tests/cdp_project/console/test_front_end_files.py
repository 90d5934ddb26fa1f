"""Templates and scripts keep to the content policy: nothing inline, nothing foreign, strangers' names as text."""

import re
from pathlib import Path

import pytest
from django.conf import settings

TEMPLATES = sorted(Path(settings.BASE_DIR, "templates").rglob("*.html"))
STATIC = Path(settings.BASE_DIR, "cdp_project/console/static")
INLINE = re.compile(r"<style|\sstyle=|\son[a-z]+=|=.javascript:|<script(?![^>]*\ssrc=)", re.IGNORECASE)
FOREIGN = re.compile(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", re.IGNORECASE)
UNESCAPED = re.compile(r"\|safe\b|autoescape off")
MARKUP_FROM_TEXT = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_bring_nothing_inline_foreign_or_unescaped(path: Path) -> None:
    text = path.read_text()
    assert INLINE.findall(text) == []
    assert FOREIGN.findall(text) == []
    assert UNESCAPED.findall(text) == []


@pytest.mark.parametrize("path", sorted(STATIC.rglob("*.*")), ids=lambda path: path.name)
def test_scripts_and_styles_reach_no_other_host(path: Path) -> None:
    # The name of SVG's language looks like an address and is never fetched.
    assert FOREIGN.findall(path.read_text().replace("http://www.w3.org/2000/svg", "")) == []


@pytest.mark.parametrize("path", sorted(STATIC.rglob("*.js")), ids=lambda path: path.name)
def test_scripts_never_make_markup_of_text(path: Path) -> None:
    assert MARKUP_FROM_TEXT.findall(path.read_text()) == []
