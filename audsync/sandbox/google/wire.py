"""The messages of Data Manager API v1 as data, and answers with enums as numbers on demand.

Source: the published client library google-ads-datamanager 0.9 (types), read 2026-11-22.
"""

from typing import Any

from audsync.sandbox.google.shapes import FLAG, TEXT, WHOLE, Choice, Many, Message, Shape

ENCODING = Choice("Encoding", ("ENCODING_UNSPECIFIED", "HEX", "BASE64"))
KEY_TYPE = Choice(
    "IngestedUserListInfo.UploadKeyType",
    (
        "UPLOAD_KEY_TYPE_UNSPECIFIED",
        "CONTACT_ID",
        "MOBILE_ID",
        "USER_ID",
        "PAIR_ID",
        "PSEUDONYMOUS_ID",
    ),
)
_CONSENT_STATUS = Choice(
    "ConsentStatus", ("CONSENT_STATUS_UNSPECIFIED", "CONSENT_GRANTED", "CONSENT_DENIED")
)
_TERMS_STATUS = Choice(
    "TermsOfServiceStatus", ("TERMS_OF_SERVICE_STATUS_UNSPECIFIED", "ACCEPTED", "REJECTED")
)
_SOURCE = Choice(
    "DataSourceType",
    (
        "DATA_SOURCE_TYPE_UNSPECIFIED",
        "DATA_SOURCE_TYPE_FIRST_PARTY",
        "DATA_SOURCE_TYPE_THIRD_PARTY_CREDIT_BUREAU",
        "DATA_SOURCE_TYPE_THIRD_PARTY_VOTER_FILE",
        "DATA_SOURCE_TYPE_THIRD_PARTY_PARTNER_DATA",
    ),
)
_KEY_SPACE = Choice("MobileIdInfo.KeySpace", ("KEY_SPACE_UNSPECIFIED", "IOS", "ANDROID"))
_PRODUCTS = ("GOOGLE_ADS", "DISPLAY_VIDEO_PARTNER", "DISPLAY_VIDEO_ADVERTISER", "DATA_PARTNER")
_PRODUCT = Choice("Product", ("PRODUCT_UNSPECIFIED", *_PRODUCTS))
ACCOUNT_TYPE = Choice(
    "ProductAccount.AccountType",
    (
        "ACCOUNT_TYPE_UNSPECIFIED",
        *_PRODUCTS,
        "GOOGLE_ANALYTICS_PROPERTY",
        "GOOGLE_AD_MANAGER_AUDIENCE_LINK",
        "FLOODLIGHT_CONFIG",
        "GOOGLE_AD_MANAGER",
    ),
)
_STATUS = Choice("UserList.MembershipStatus", ("MEMBERSHIP_STATUS_UNSPECIFIED", "OPEN", "CLOSED"))
_REASON = Choice(
    "UserList.AccessReason",
    (
        "ACCESS_REASON_UNSPECIFIED",
        "OWNED",
        "SHARED",
        "LICENSED",
        "SUBSCRIBED",
        "AFFILIATED",
    ),
)
_ACCESS = Choice("UserList.AccessStatus", ("ACCESS_STATUS_UNSPECIFIED", "ENABLED", "DISABLED"))

_ACCOUNT = Message({"product": _PRODUCT, "accountId": TEXT, "accountType": ACCOUNT_TYPE})
_DESTINATION = Message(
    {
        "reference": TEXT,
        "loginAccount": _ACCOUNT,
        "linkedAccount": _ACCOUNT,
        "operatingAccount": _ACCOUNT,
        "productDestinationId": TEXT,
    }
)
_CONSENT = Message({"adUserData": _CONSENT_STATUS, "adPersonalization": _CONSENT_STATUS})
_ADDRESS_FIELDS = (
    "givenName",
    "familyName",
    "regionCode",
    "postalCode",
    "addressLine",
    "city",
    "administrativeArea",
)
_ADDRESS = Message(dict.fromkeys(_ADDRESS_FIELDS, TEXT))
_IDENTIFIER_FIELDS: dict[str, Shape] = {
    "emailAddress": TEXT,
    "phoneNumber": TEXT,
    "address": _ADDRESS,
}
_IDENTIFIER = Message(_IDENTIFIER_FIELDS, one_of=frozenset(_IDENTIFIER_FIELDS))
_USER_DATA = Message({"userIdentifiers": Many(_IDENTIFIER)})
_IP_DATA = Message({"ipAddress": TEXT, "observeStartTime": TEXT, "observeEndTime": TEXT})
_DATA_FIELDS: dict[str, Shape] = {
    "userData": _USER_DATA,
    "compositeData": Message({"userData": _USER_DATA, "ipData": Many(_IP_DATA)}),
    "mobileData": Message({"mobileIds": Many(TEXT)}),
    "userIdData": Message({"userId": TEXT}),
    "pairData": Message({"pairIds": Many(TEXT)}),
    "ppidData": Message({"ppids": Many(TEXT)}),
    "googleUserIdData": Message({"googleUserIds": Many(TEXT)}),
    "partnerProvidedIdData": Message({"partnerProvidedIds": Many(TEXT)}),
}
DATA_KINDS = frozenset(_DATA_FIELDS)
_MEMBER = Message(
    {**_DATA_FIELDS, "consent": _CONSENT, "destinationReferences": Many(TEXT)}, one_of=DATA_KINDS
)
_WRAPPED_KEY = Message(
    dict.fromkeys(("keyType", "wipProvider", "kekUri", "encryptedDek", "roleArn", "keyId"), TEXT)
)
_ENCRYPTION = Message(
    dict.fromkeys(("gcpWrappedKeyInfo", "awsWrappedKeyInfo", "coordinatorKeyInfo"), _WRAPPED_KEY)
)

REMOVE = Message(
    {
        "destinations": Many(_DESTINATION),
        "audienceMembers": Many(_MEMBER),
        "validateOnly": FLAG,
        "encoding": ENCODING,
        "encryptionInfo": _ENCRYPTION,
    }
)
INGEST = Message(
    {
        **REMOVE.fields,
        "consent": _CONSENT,
        "termsOfService": Message({"customerMatchTermsOfServiceStatus": _TERMS_STATUS}),
    }
)
REMOVE_ALL = Message(
    {"destinations": Many(_DESTINATION), "removeAsOfTime": TEXT, "validateOnly": FLAG}
)

_COUNTS = (
    "displayNetworkMembersCount",
    "searchNetworkMembersCount",
    "youtubeMembersCount",
    "gmailMembersCount",
)
_INGESTED = Message(
    {
        "uploadKeyTypes": Many(KEY_TYPE),
        "contactIdInfo": Message({"dataSourceType": _SOURCE, "matchRatePercentage": WHOLE}),
        "mobileIdInfo": Message({"dataSourceType": _SOURCE, "keySpace": _KEY_SPACE, "appId": TEXT}),
        "userIdInfo": Message({"dataSourceType": _SOURCE}),
        "pairIdInfo": Message(dict.fromkeys(("publisherName", "cleanRoomIdentifier"), TEXT)),
        "pseudonymousIdInfo": Message({"billableRecordCount": WHOLE}),
        "partnerAudienceInfo": Message({"commercePartner": TEXT}),
    }
)
USER_LIST = Message(
    {
        "name": TEXT,
        "id": WHOLE,
        "readOnly": FLAG,
        "displayName": TEXT,
        "description": TEXT,
        "membershipStatus": _STATUS,
        "integrationCode": TEXT,
        "membershipDuration": TEXT,
        "closingReason": Choice("UserList.ClosingReason", ("CLOSING_REASON_UNSPECIFIED", "UNUSED")),
        "accessReason": _REASON,
        "accountAccessStatus": _ACCESS,
        "sizeInfo": Message(dict.fromkeys(_COUNTS, WHOLE)),
        "targetNetworkInfo": Message({"eligibleForDisplay": FLAG, "eligibleForSearch": FLAG}),
        "ingestedUserListInfo": _INGESTED,
    }
)

MATCH_RATES = (
    "MATCH_RATE_RANGE_UNKNOWN",
    "MATCH_RATE_RANGE_NOT_ELIGIBLE",
    "MATCH_RATE_RANGE_LESS_THAN_20",
    "MATCH_RATE_RANGE_20_TO_30",
    "MATCH_RATE_RANGE_31_TO_40",
    "MATCH_RATE_RANGE_41_TO_50",
    "MATCH_RATE_RANGE_51_TO_60",
    "MATCH_RATE_RANGE_61_TO_70",
    "MATCH_RATE_RANGE_71_TO_80",
    "MATCH_RATE_RANGE_81_TO_90",
    "MATCH_RATE_RANGE_91_TO_100",
)
_STATUSES = ("REQUEST_STATUS_UNKNOWN", "SUCCESS", "PROCESSING", "FAILED", "PARTIAL_SUCCESS")
_PROCESSING_REASONS = {
    "PROCESSING_ERROR_REASON_DENIED_CONSENT": 4,
    "PROCESSING_ERROR_REASON_NO_CONSENT": 5,
    "PROCESSING_ERROR_REASON_UNKNOWN_CONSENT": 6,
    "PROCESSING_ERROR_REASON_INTERNAL_ERROR": 13,
    "PROCESSING_ERROR_REASON_INVALID_FORMAT": 18,
    "PROCESSING_ERROR_REASON_DECRYPTION_ERROR": 19,
    "PROCESSING_ERROR_REASON_INVALID_MOBILE_ID_FORMAT": 34,
}
_DATA_TYPES = ("DATA_TYPE_UNSPECIFIED", "EMAIL", "PHONE_NUMBER", "ADDRESS", "IP_ADDRESS")
_NUMBERS: dict[str, dict[str, int]] = {
    **{
        name: {text: number for number, text in enumerate(names)}
        for name, names in {
            "membershipStatus": _STATUS.names,
            "accessReason": _REASON.names,
            "accountAccessStatus": _ACCESS.names,
            "uploadKeyTypes": KEY_TYPE.names,
            "dataSourceType": _SOURCE.names,
            "keySpace": _KEY_SPACE.names,
            "accountType": ACCOUNT_TYPE.names,
            "product": _PRODUCT.names,
            "requestStatus": _STATUSES,
            "uploadMatchRateRange": MATCH_RATES,
            "type": _DATA_TYPES,
        }.items()
    },
    "reason": _PROCESSING_REASONS,
}


def numbered(value: Any, name: str = "") -> Any:  # noqa: ANN401 - any JSON
    """An answer with its enums as numbers, as `$alt=json;enum-encoding=int` asks for."""
    if isinstance(value, dict):
        return {inner: numbered(each, inner) for inner, each in value.items()}
    if isinstance(value, list):
        return [numbered(each, name) for each in value]
    return _NUMBERS.get(name, {}).get(value, value) if isinstance(value, str) else value
