"""Where ASGI servers find the application."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp_project.settings")
django.setup(set_prefix=False)

from cdp_project.application import Application  # noqa: E402 - only after Django was set up

application = Application()
