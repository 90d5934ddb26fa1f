"""Where ASGI servers find the application."""

import gc
import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp_project.settings")
django.setup(set_prefix=False)

from cdp_project.application import Application  # noqa: E402 - only after Django was set up

application = Application()

# What was loaded stays: the collector need not walk over it again and again while requests come in.
gc.collect()
gc.freeze()
