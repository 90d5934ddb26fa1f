"""The workspace and who belongs to it."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models


class Workspace(models.Model):
    """Everything else belongs to one; a workspace sees only itself.

    `scope_id` says who shares MPIDs: workspaces with the same number do. Organisation and account exist as
    numbers because paths of the Platform and Profile APIs carry them.
    """

    slug = models.SlugField(unique=True, max_length=50)
    name = models.CharField(max_length=100)
    organisation_id = models.PositiveIntegerField(default=1)
    account_id = models.PositiveIntegerField(default=1)
    scope_id = models.PositiveBigIntegerField(null=True, editable=False)
    config_version = models.PositiveBigIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    issued_credential: object | None = None
    """Its first credential, only on the very object that was just made over HTTP; never stored here."""

    class Meta:
        db_table = "workspace"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Addresses take a number for the workspace's id. Raises ValidationError."""
        if self.slug.isdigit():
            raise ValidationError({"slug": "Use a letter too: numbers alone are read as a workspace's id."})

    @property
    def scope(self) -> int:
        """The scope's number; a scope of its own unless another was set."""
        return self.scope_id if self.scope_id is not None else self.pk


class Role(models.IntegerChoices):
    """What a member may do; each role may also do all that stands before it."""

    VIEWER = 10, "Viewer"
    ANALYST = 20, "Analyst"
    EDITOR = 30, "Editor"
    ADMIN = 40, "Admin"


class Membership(models.Model):
    """A person's role in a workspace: the only authority there."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships")
    role = models.SmallIntegerField(choices=Role.choices, default=Role.VIEWER)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "membership"
        verbose_name = "member"
        constraints = [models.UniqueConstraint(fields=["workspace", "user"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user} is {self.get_role_display()} of {self.workspace}"
