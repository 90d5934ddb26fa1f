"""Forms whose object belongs to the workspace that the address names, whatever was posted."""

from typing import Any, ClassVar, TypeVar

from django.db.models import Model

from cdp_project.workspaces.models import Workspace
from cdp_project.workspaces.typed_admin import TypedModelForm

M = TypeVar("M", bound=Model)


class ScopedForm(TypedModelForm[M]):
    """Sets the workspace before anything is checked, so that what is unique in a workspace is checked too."""

    workspace: ClassVar[Workspace]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})
        # Through setattr: which models have a workspace is known to the check, not to the type.
        setattr(self.instance, "workspace", self.workspace)  # noqa: B010

    def _get_validation_exclusions(self) -> set[str]:
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded - {"workspace"}
