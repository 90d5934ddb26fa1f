"""Which changes of consent are told."""

from identity.consent_changes import consent_changes

YES, NO = {"consented": True, "timestamp_unixtime_ms": 1}, {"consented": False, "timestamp_unixtime_ms": 2}


def test_each_purpose_that_changed_is_told_with_what_was_before() -> None:
    old = {"gdpr": {"ads": YES, "mail": YES, "gone": NO}}
    new = {"gdpr": {"ads": NO, "mail": YES, "fresh": YES}, "ccpa": {"data_sale_opt_out": YES}}

    assert consent_changes(old, new) == [
        {
            "type": "ccpa_consent_state",
            "purpose": "data_sale_opt_out",
            "old_ccpa_consent_state": None,
            "new_ccpa_consent_state": YES,
        },
        {
            "type": "gdpr_consent_state",
            "purpose": "ads",
            "old_gdpr_consent_state": YES,
            "new_gdpr_consent_state": NO,
        },
        {
            "type": "gdpr_consent_state",
            "purpose": "fresh",
            "old_gdpr_consent_state": None,
            "new_gdpr_consent_state": YES,
        },
        {
            "type": "gdpr_consent_state",
            "purpose": "gone",
            "old_gdpr_consent_state": NO,
            "new_gdpr_consent_state": None,
        },
    ]


def test_what_stayed_the_same_is_not_told() -> None:
    assert consent_changes({"gdpr": {"ads": YES}}, {"gdpr": {"ads": dict(YES)}}) == []
    assert consent_changes({}, {"gdpr": {}}) == []
