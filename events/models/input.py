"""Inputs: the platforms and feeds that events come from, and their keys."""

from django.core.exceptions import ValidationError
from django.db import models

from cdp_project.workspaces.models import Workspace


class InputKind(models.TextChoices):
    """A platform is an app or a site; a feed is a server or another company's tool."""

    PLATFORM = "platform", "Platform"
    FEED = "feed", "Feed"


class Platform(models.TextChoices):
    """Platforms, one input each a workspace."""

    IOS = "ios", "iOS"
    ANDROID = "android", "Android"
    WEB = "web", "Web"
    TVOS = "tvos", "tvOS"
    ROKU = "roku", "Roku"
    ALEXA = "alexa", "Alexa"
    SMART_TV = "smart_tv", "SmartTV"
    FIRE_TV = "fire_tv", "FireTV"
    XBOX = "xbox", "Xbox"


class Protection(models.TextChoices):
    """What an input may do to profiles."""

    CREATE_UPDATE = "create_update", "Create and update profiles"
    UPDATE_ONLY = "update_only", "Update existing profiles only"
    READ_ONLY = "read_only", "Leave profiles as they are"


class Input(models.Model):
    """One source of events. `platform` of a feed makes it act as that platform; a feed without is unbound."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=10, choices=InputKind.choices)
    platform = models.CharField(max_length=10, choices=Platform.choices, null=True, blank=True)
    name = models.CharField(max_length=100)
    protection = models.CharField(max_length=15, choices=Protection.choices, default=Protection.CREATE_UPDATE)
    is_active = models.BooleanField(default=True)
    batches_per_second_most = models.PositiveIntegerField(
        null=True, blank=True, help_text="Batches a second that are accepted; empty means no limit."
    )
    acceleration_most = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="This minute's batches as a multiple of the mean of the last ten; empty means no limit.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "input"
        ordering = ["kind", "name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "platform"],
                condition=models.Q(kind="platform"),
                name="input_platform_once",
            ),
            models.CheckConstraint(
                condition=models.Q(kind="feed") | models.Q(platform__isnull=False),
                name="input_platform_named",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """A platform says which one it is, and is the workspace's only one for it. Raises ValidationError."""
        if self.kind != InputKind.PLATFORM:
            return
        if not self.platform:
            raise ValidationError({"platform": "Choose which platform it is."})
        others = Input.objects.filter(workspace=self.workspace, kind=InputKind.PLATFORM, platform=self.platform)
        if others.exclude(pk=self.pk).exists():
            raise ValidationError({"platform": "This workspace has its input for this platform already."})


class InputKey(models.Model):
    """A key with its secret. Two live ones let a client change over without a gap.

    The secret is kept encrypted, because signatures need it, with its digest beside, which Basic compares.
    """

    input = models.ForeignKey(Input, models.CASCADE, related_name="keys")
    key = models.CharField(max_length=64, unique=True, editable=False)
    secret_encrypted = models.TextField(editable=False)
    secret_digest = models.BinaryField(editable=False)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)

    issued_secret: str | None = None
    """In the clear only on the very object that was just issued; never stored."""

    class Meta:
        db_table = "input_key"

    def __str__(self) -> str:
        return self.key
