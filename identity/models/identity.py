"""Identity values and who holds them. The bucket is the hash of the value (identity.keys)."""

from django.db import models

from cdp_project.workspaces.environment import ENVIRONMENT_CHOICES


class IdentityKey(models.Model):
    """The lock row of one identity value: whoever decides about the value holds this row."""

    pk = models.CompositePrimaryKey("bucket", "scope_id", "environment", "identity_type", "digest")
    bucket = models.SmallIntegerField()
    scope_id = models.BigIntegerField()
    environment = models.SmallIntegerField(choices=ENVIRONMENT_CHOICES)
    identity_type = models.SmallIntegerField()
    digest = models.BinaryField()
    value = models.TextField()

    class Meta:
        db_table = "identity_key"

    def __str__(self) -> str:
        return f"identity of type {self.identity_type}"


class IdentityLink(models.Model):
    """A person who has the value. Several may, unless the link is unique."""

    pk = models.CompositePrimaryKey("bucket", "scope_id", "environment", "identity_type", "digest", "mpid")
    bucket = models.SmallIntegerField()
    scope_id = models.BigIntegerField()
    environment = models.SmallIntegerField(choices=ENVIRONMENT_CHOICES)
    identity_type = models.SmallIntegerField()
    digest = models.BinaryField()
    mpid = models.BigIntegerField()
    is_unique = models.BooleanField()
    linked_at = models.DateTimeField()

    class Meta:
        db_table = "identity_link"
        constraints = [
            models.UniqueConstraint(
                fields=["bucket", "scope_id", "environment", "identity_type", "digest"],
                condition=models.Q(is_unique=True),
                name="identity_link_unique_owner",
            )
        ]

    def __str__(self) -> str:
        return f"identity of {self.mpid}"
