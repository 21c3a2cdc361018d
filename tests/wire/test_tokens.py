"""SignalingToken v1: the vendor's own vectors, and what is refused."""

import hmac
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from botkit.wire.tokens import Role, TokenVerdict, check_token, judge_token, make_role_token, make_token, token_expiry

VECTORS = [
    # app id, certificate, account, expires, digest
    (
        "C5D15F8FD394285DA5227B533302A518",
        "fe1a0437bf217bdd34cd65053fb0fe1d",
        "test@agora.io",
        1546271999,
        "2d572d6e3a75ebde5a06626f40fe9684",
    ),
    (
        "970ca35de60c44645bbae8a215061b33",
        "5cfd2fd1755d40ecb72977518be15d3b",
        "TestAccount",
        1446455471,
        "4815d52c4fd440bac35b981c12798774",
    ),
    (
        "970CA35de60c44645bbae8a215061b33",
        "5CFd2fd1755d40ecb72977518be15d3b",
        "2882341273",
        1514219634,
        "82539e1f3973bcfe3f0d0c8993e6c051",
    ),
]
APP, CERTIFICATE, ACCOUNT, EXPIRES, DIGEST = VECTORS[0]
TOKEN = f"1:{APP}:{EXPIRES}:{DIGEST}"


@pytest.mark.row("M03d", "0.1")
@pytest.mark.parametrize(("app", "certificate", "account", "expires", "digest"), VECTORS)
def test_the_vendors_vectors(app: str, certificate: str, account: str, expires: int, digest: str) -> None:
    token = make_token(app, certificate, account, expires)
    assert token == f"1:{app}:{expires}:{digest}"
    assert check_token(token, app, certificate, account, expires - 1) is TokenVerdict.VALID
    assert token_expiry(token) == expires


@pytest.mark.row("0.1")
def test_the_digest_in_the_english_documents_is_wrong() -> None:
    digest = make_token(APP, CERTIFICATE, ACCOUNT, 2592000).rpartition(":")[2]
    assert digest.startswith("5c0ee12f"), "what they print is the digest for another expiry"
    printed = f"1:{APP}:{EXPIRES}:{digest}"
    assert check_token(printed, APP, CERTIFICATE, ACCOUNT, 0) is TokenVerdict.WRONG


@pytest.mark.row("M03d")
def test_a_token_holds_until_its_second_and_not_in_it() -> None:
    assert check_token(TOKEN, APP, CERTIFICATE, ACCOUNT, EXPIRES - 0.001) is TokenVerdict.VALID
    assert check_token(TOKEN, APP, CERTIFICATE, ACCOUNT, EXPIRES) is TokenVerdict.EXPIRED


@pytest.mark.row("M03d")
@pytest.mark.parametrize(
    "token",
    [
        "",
        "_no_need_token",
        TOKEN[:-1],
        TOKEN.upper(),
        TOKEN + "0",
        TOKEN + ":",
        f"2:{APP}:{EXPIRES}:{DIGEST}",
        f"1:{APP}:{EXPIRES + 1}:{DIGEST}",
        f"1:{APP}:0{EXPIRES}:{DIGEST}",
        f"1:{APP}:+{EXPIRES}:{DIGEST}",
        f"1:{APP.lower()}:{EXPIRES}:{DIGEST}",
        f"1:{APP}:{EXPIRES}",
        f"1:{APP}:٣:{DIGEST}",
        f"1:{APP}:{10**13}:{DIGEST}",
    ],
)
def test_anything_else_is_wrong_whether_or_not_it_has_expired(token: str) -> None:
    for now in (0.0, EXPIRES + 1.0):
        assert check_token(token, APP, CERTIFICATE, ACCOUNT, now) is TokenVerdict.WRONG


@pytest.mark.parametrize(
    ("app", "certificate", "account"), [("x", CERTIFICATE, ACCOUNT), (APP, "x", ACCOUNT), (APP, CERTIFICATE, "x")]
)
def test_a_token_is_for_one_app_certificate_and_account(app: str, certificate: str, account: str) -> None:
    assert check_token(TOKEN, app, certificate, account, 0) is TokenVerdict.WRONG


any_text = st.text(alphabet=st.characters())


@given(any_text, any_text, any_text, st.integers(0, 10**12 - 1))
@example("1:a:5:x", "a", "\ud800", 0)
def test_any_token_and_account_get_a_verdict(token: str, app: str, account: str, now: int) -> None:
    assert check_token(token, app, "certificate", account, now) is TokenVerdict.WRONG


@given(st.text(), st.text(), st.text(), st.integers(0, 10**12 - 1), st.integers(0, 10**12))
def test_own_tokens_are_valid_until_they_expire(
    app: str, certificate: str, account: str, expires: int, now: int
) -> None:
    verdict = check_token(make_token(app, certificate, account, expires), app, certificate, account, now)
    if ":" in app:
        assert verdict is TokenVerdict.WRONG
    else:
        assert verdict is (TokenVerdict.VALID if now < expires else TokenVerdict.EXPIRED)


def test_role_token_gives_its_role_to_its_account_only() -> None:
    token = make_role_token(APP, CERTIFICATE, ACCOUNT, EXPIRES, Role.SERVER)
    granted = judge_token(token, APP, [CERTIFICATE], ACCOUNT, EXPIRES - 1)
    assert granted == (TokenVerdict.VALID, Role.SERVER, EXPIRES, 0)
    assert judge_token(token, APP, [CERTIFICATE], ACCOUNT, EXPIRES).verdict is TokenVerdict.EXPIRED
    for app, certificate, account in (
        ("other", CERTIFICATE, ACCOUNT),
        (APP, "other", ACCOUNT),
        (APP, CERTIFICATE, "other"),
    ):
        assert judge_token(token, app, [certificate], account, 0).verdict is TokenVerdict.WRONG


def test_role_token_cannot_be_promoted_or_prolonged() -> None:
    token = make_role_token(APP, CERTIFICATE, ACCOUNT, EXPIRES)
    for forged in (
        token.replace(":user:", ":server:"),
        token.replace(":user:", ":root:"),
        token.replace(str(EXPIRES), str(EXPIRES + 1)),
        token.replace(str(EXPIRES), f"0{EXPIRES}"),
        token.upper(),
        token + ":",
        "1" + token[1:],
    ):
        assert judge_token(forged, APP, [CERTIFICATE], ACCOUNT, 0).verdict is TokenVerdict.WRONG


def test_both_versions_under_any_accepted_certificate() -> None:
    for token in (TOKEN, make_role_token(APP, CERTIFICATE, ACCOUNT, EXPIRES)):
        for signer, certificates in enumerate([[CERTIFICATE, "new"], ["new", CERTIFICATE]]):
            granted = judge_token(token, APP, certificates, ACCOUNT, 0)
            assert (granted.verdict, granted.signer) == (TokenVerdict.VALID, signer)
        assert judge_token(token, APP, ["new"], ACCOUNT, 0).verdict is TokenVerdict.WRONG
    assert judge_token(TOKEN, APP, [CERTIFICATE], ACCOUNT, 0, accept_v1=False).verdict is TokenVerdict.WRONG


@given(st.text(), st.text())
def test_no_text_is_a_token_and_none_breaks_the_judge(token: str, account: str) -> None:
    assert judge_token(token, APP, [CERTIFICATE], account, 0).verdict is TokenVerdict.WRONG
    assert judge_token(f"2:{APP}:{EXPIRES}:{token}", APP, [CERTIFICATE], account, 0).verdict is TokenVerdict.WRONG


ROLE_TOKEN = make_role_token(APP, CERTIFICATE, ACCOUNT, EXPIRES, Role.SERVER)
OWN_TOKENS = [TOKEN, ROLE_TOKEN]
FORGED_TOKENS = [token[:-1] + ("0" if token[-1] != "0" else "1") for token in OWN_TOKENS]


class Comparison:
    """Stands in for ``hmac.compare_digest``: notes what is compared, and says what it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, verdict: bool | None) -> None:
        self.compared: list[tuple[bytes, bytes]] = []
        self._verdict = verdict
        self._real: Callable[[bytes, bytes], bool] = hmac.compare_digest
        monkeypatch.setattr("hmac.compare_digest", self)

    def __call__(self, left: bytes, right: bytes) -> bool:
        self.compared.append((left, right))
        return self._real(left, right) if self._verdict is None else self._verdict


@pytest.mark.parametrize("token", OWN_TOKENS + FORGED_TOKENS)
def test_tokens_are_compared_whole_and_in_constant_time(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    comparison = Comparison(monkeypatch, None)
    judge_token(token, APP, [CERTIFICATE], ACCOUNT, 0)
    ((expected, presented),) = comparison.compared
    assert presented == token.encode()
    assert expected in [own.encode() for own in OWN_TOKENS]


@pytest.mark.parametrize("token", FORGED_TOKENS)
def test_nothing_but_that_comparison_refuses_a_digest(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert judge_token(token, APP, [CERTIFICATE], ACCOUNT, 0).verdict is TokenVerdict.WRONG
    Comparison(monkeypatch, True)
    assert judge_token(token, APP, [CERTIFICATE], ACCOUNT, 0).verdict is TokenVerdict.VALID, "an == would know better"


@pytest.mark.parametrize("token", OWN_TOKENS)
def test_nothing_but_that_comparison_accepts_a_digest(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert judge_token(token, APP, [CERTIFICATE], ACCOUNT, 0).verdict is TokenVerdict.VALID
    Comparison(monkeypatch, False)
    assert judge_token(token, APP, [CERTIFICATE], ACCOUNT, 0).verdict is TokenVerdict.WRONG, "an == would know better"


@pytest.mark.parametrize("token", OWN_TOKENS + FORGED_TOKENS)
def test_how_long_it_takes_does_not_tell_which_certificate_fits(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for certificates in ([CERTIFICATE, "a", "b"], ["a", "b", CERTIFICATE], ["a", "b", "c"]):
        comparison = Comparison(monkeypatch, None)
        judge_token(token, APP, certificates, ACCOUNT, 0)
        assert len(comparison.compared) == 3
