"""Identity types: their stored numbers, and every spelling that clients use for them.

The wire names identities, so they are known here, below the identity app that resolves them.
"""

from enum import IntEnum


class IdentityType(IntEnum):
    """Numbers are stored in keys and never change. Names follow the Events API (reference 2.1.5)."""

    CUSTOMER_ID = 1
    EMAIL = 2
    OTHER = 3
    OTHER_ID_2 = 4
    OTHER_ID_3 = 5
    OTHER_ID_4 = 6
    OTHER_ID_5 = 7
    OTHER_ID_6 = 8
    OTHER_ID_7 = 9
    OTHER_ID_8 = 10
    OTHER_ID_9 = 11
    OTHER_ID_10 = 12
    FACEBOOK = 13
    TWITTER = 14
    GOOGLE = 15
    MICROSOFT = 16
    YAHOO = 17
    FACEBOOK_CUSTOM_AUDIENCE_ID = 18
    MOBILE_NUMBER = 19
    PHONE_NUMBER_2 = 20
    PHONE_NUMBER_3 = 21
    ALIAS = 22
    IOS_ADVERTISING_ID = 40
    IOS_IDFV = 41
    ANDROID_ADVERTISING_ID = 42
    ANDROID_UUID = 43
    ROKU_ADVERTISING_ID = 44
    ROKU_PUBLISHER_ID = 45
    MICROSOFT_ADVERTISING_ID = 46
    MICROSOFT_PUBLISHER_ID = 47
    FIRE_ADVERTISING_ID = 48
    AMP_ID = 49
    PUSH_TOKEN = 50
    DEVICE_APPLICATION_STAMP = 60

    @property
    def word(self) -> str:
        """Spelling of the Events API, which our own API uses too."""
        return self.name.lower()

    @property
    def is_device(self) -> bool:
        """Names a device or an installation rather than a person."""
        return self >= IdentityType.IOS_ADVERTISING_ID


_OTHER_SPELLINGS = {
    "customerid": IdentityType.CUSTOMER_ID,
    "facebookcustomaudienceid": IdentityType.FACEBOOK_CUSTOM_AUDIENCE_ID,
    **{f"other{n}": IdentityType[f"OTHER_ID_{n}"] for n in range(2, 11)},
    "ios_idfa": IdentityType.IOS_ADVERTISING_ID,
    "android_aaid": IdentityType.ANDROID_ADVERTISING_ID,
    "roku_aid": IdentityType.ROKU_ADVERTISING_ID,
    "fire_aid": IdentityType.FIRE_ADVERTISING_ID,
    "mp_deviceid": IdentityType.DEVICE_APPLICATION_STAMP,
}
_BY_SPELLING = {member.word: member for member in IdentityType} | _OTHER_SPELLINGS


def identity_type(spelling: str) -> IdentityType | None:
    """The type that a client means; None for a name that nobody uses."""
    return _BY_SPELLING.get(spelling)


PRIORITY: tuple[IdentityType, ...] = (
    IdentityType.CUSTOMER_ID,
    IdentityType.MOBILE_NUMBER,
    IdentityType.PHONE_NUMBER_2,
    IdentityType.PHONE_NUMBER_3,
    IdentityType.EMAIL,
    IdentityType.OTHER,
    *(IdentityType[f"OTHER_ID_{n}"] for n in range(2, 11)),
    IdentityType.FACEBOOK_CUSTOM_AUDIENCE_ID,
    IdentityType.FACEBOOK,
    IdentityType.GOOGLE,
    IdentityType.TWITTER,
    IdentityType.MICROSOFT,
    IdentityType.YAHOO,
    IdentityType.ALIAS,
    IdentityType.IOS_ADVERTISING_ID,
    IdentityType.IOS_IDFV,
    IdentityType.ANDROID_ADVERTISING_ID,
    IdentityType.ANDROID_UUID,
    IdentityType.ROKU_ADVERTISING_ID,
    IdentityType.ROKU_PUBLISHER_ID,
    IdentityType.FIRE_ADVERTISING_ID,
    IdentityType.AMP_ID,
    IdentityType.MICROSOFT_PUBLISHER_ID,
    IdentityType.MICROSOFT_ADVERTISING_ID,
    IdentityType.PUSH_TOKEN,
    IdentityType.DEVICE_APPLICATION_STAMP,
)
"""Default order in which identities are looked up (reference 2.2.5)."""

LOOKUP_ORDER: tuple[IdentityType, ...] = tuple(
    dict.fromkeys((IdentityType.CUSTOMER_ID, IdentityType.DEVICE_APPLICATION_STAMP, *PRIORITY)),
)
"""Customer id, else the installation, else the rest by priority: chooses the lane of a batch and who is behind it."""
