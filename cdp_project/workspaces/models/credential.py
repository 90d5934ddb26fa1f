"""Credentials of programs: a client id with a secret, and the opaque tokens that it is exchanged for."""

from django.db import models

from cdp_project.workspaces.models.workspace import Role, Workspace


class ApiCredential(models.Model):
    """Client credentials of the management API. Only a digest of the secret is kept.

    Without a workspace they are the installation's: they list and make workspaces, and open none.
    """

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="api_credentials", null=True)
    name = models.CharField(max_length=100)
    client_id = models.CharField(max_length=64, unique=True, editable=False)
    secret_digest = models.BinaryField(editable=False)
    role = models.SmallIntegerField(choices=Role.choices, default=Role.VIEWER)
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    issued_secret: str | None = None
    """In the clear only on the very object that was just issued; never stored."""

    class Meta:
        db_table = "api_credential"
        verbose_name = "API credential"
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name


class AccessToken(models.Model):
    """A bearer token, known by its digest, so that it can be revoked and never read back.

    `scope` narrows it below what the credential's role gives (workspaces.scopes); "" means that it does not.
    """

    credential = models.ForeignKey(ApiCredential, models.CASCADE, related_name="tokens")
    digest = models.BinaryField(unique=True)
    # With a default of the database's own: processes of before, while they are being replaced, do not name it.
    scope = models.TextField(default="", db_default="", blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "access_token"

    def __str__(self) -> str:
        return f"token of {self.credential}"
