"""Measure: `python -m tests.benchmarks [--only KEY,KEY] [--quick] [--list]`, on servers of its own (`make bench`)."""

import os
import sys

import django

if __name__ == "__main__":
    # Outputs may reach the sink; said before the settings are read, here and in all processes that are started.
    os.environ["CDP_DELIVERY_ALLOW"] = "127.0.0.1/32"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cdp_project.settings")
    django.setup()
    from tests.benchmarks.command import main

    sys.exit(main())
