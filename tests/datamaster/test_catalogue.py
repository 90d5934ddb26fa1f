"""Admission of names when several processes find new ones at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from cdp_project.kernel import clock
from cdp_project.kernel.database import connect
from cdp_project.workspaces.models import Workspace
from datamaster.catalogue import admit_new
from datamaster.models import CatalogueName, CatalogueSize
from datamaster.names import NAMES_MOST, Name


@pytest.mark.django_db(transaction=True)
def test_the_limit_holds_between_processes(workspace: Workspace) -> None:
    def admit(process: int) -> set[Name]:
        names = [("custom_event", f"{process % 2}-{number}") for number in range(700)]
        with connect() as connection:
            return admit_new(connection, workspace.pk, names, clock.now()).names

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(admit, range(4)))

    assert CatalogueName.objects.filter(workspace=workspace).count() == NAMES_MOST
    assert CatalogueSize.objects.get(workspace=workspace).names_count == NAMES_MOST
    assert max(map(len, results)) == NAMES_MOST
