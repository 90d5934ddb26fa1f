"""The admin site of Tributary."""

from django.contrib.admin import AdminSite


class ConsoleSite(AdminSite):
    """Django's admin as the console: own pages stand beside the admin's."""

    site_title = "Tributary"
    site_header = "Tributary"
    index_title = "Console"
