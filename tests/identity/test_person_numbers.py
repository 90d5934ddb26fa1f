"""Blocks of numbers, shared between processes."""

import pytest

from cdp_project.workspaces.models import Workspace
from identity.models import PersonCounter
from identity.person_numbers import BLOCK, PersonNumbers


@pytest.mark.django_db(transaction=True)
def test_two_processes_never_give_the_same_number(workspace: Workspace) -> None:
    first, second = PersonNumbers(), PersonNumbers()
    given = [
        *first.take(workspace.pk, 1, 3),
        *second.take(workspace.pk, 1, BLOCK * 2),
        *first.take(workspace.pk, 1, BLOCK),
        *second.take(workspace.pk, 1, 1),
    ]
    other_world = first.take(workspace.pk, 2, 1)
    first.forget()
    second.forget()

    assert len(given) == len(set(given))
    assert min(given) == min(other_world) == 0
    assert PersonCounter.objects.get(workspace_id=workspace.pk, environment=1).next_no > max(given)
