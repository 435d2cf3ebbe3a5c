"""The verbs on accounts, as an administrator meets them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.accounts.people import OTHER_PASSWORD, PASSWORD, cheap_hashing, happened
from tests.pipelines.command import Answer, Command
from tests.pipelines.typed_input import pipe, terminal
from tests.store.migrated import migrated_url
from triage.accounts import Actor, Role, passwords
from triage.accounts.accounts import accounts
from triage.accounts.authentication import authenticate
from triage.accounts.sessions import SignInRefused, sign_in
from triage.store import open_store
from triage.vocabulary.event_types import EventType

THIRD_PASSWORD = "glass meadow lamp 2"


@pytest.fixture(autouse=True)
def _cheap_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "parameters", cheap_hashing)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with migrated_url(request.param, tmp_path) as fresh:
        yield fresh


@pytest.fixture
def user(triage: Command, monkeypatch: pytest.MonkeyPatch):
    """Run a verb on accounts with lines of standard input; they are nowhere in what it prints."""

    def run(verb: str, *arguments: str, lines: tuple[str, ...] = ()) -> Answer:
        pipe(monkeypatch, *lines)
        answer = triage("user", verb, *arguments)
        assert not any(line in answer.out + answer.err for line in lines if len(line) > 5)
        return answer

    return run


@pytest.fixture
def filled(user, url: str) -> str:
    """A database with the administrator Ada and the reader Rhea."""
    first = ("add", "Ada", "--role", "administrator", "--db", url, "--password-stdin")
    assert user(*first, lines=(PASSWORD,)).code == 0
    more = ("add", "Rhea", "--role", "reader", "--db", url, "--password-stdin", "--as", "Ada")
    assert user(*more, lines=(PASSWORD, OTHER_PASSWORD)).code == 0
    return url


def names(url: str) -> list[tuple[str, str, bool]]:
    store = open_store(url)
    found = [(account.name, account.role.value, account.disabled) for account in accounts(store)]
    store.close()
    return found


def test_the_first_account_makes_the_database(user, tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    url = f"sqlite:///{path}"
    answer = user(
        "add", "Ada", "--role", "administrator", "--printed-name", "Dr A. Wire", "--db", url,
        "--password-stdin", "--json", lines=(PASSWORD,),
    )  # fmt: skip
    assert answer.code == 0
    assert answer.json == {
        "account": {
            "name": "Ada",
            "printed_name": "Dr A. Wire",
            "role": "administrator",
            "disabled": False,
            "has_password": True,
            "oidc_issuer": None,
            "oidc_subject": None,
        }
    }
    store = open_store(url)
    assert authenticate(store, "Ada", PASSWORD) == Actor("Ada", Role.ADMINISTRATOR)
    ((actor, _, _),) = happened(store, EventType.ACCOUNT_CREATED)
    assert actor == "system"
    store.close()


@pytest.mark.parametrize(
    ("arguments", "lines", "says"),
    [
        (("Ada", "--role", "reader"), (PASSWORD,), "administrator"),
        (("Ada", "--role", "administrator"), ("password1234",), "common"),
        (("Ada", "--role", "administrator"), ("short",), "12 to 128"),
        (("Ada", "--role", "administrator"), (), "no line"),
        (("system", "--role", "administrator"), (PASSWORD,), "reserved"),
        (("", "--role", "administrator"), (PASSWORD,), "printable"),
        (("A\x1b[2J", "--role", "administrator"), (PASSWORD,), "printable"),
        (("Ada", "--role", "administrator", "--as", "Ada"), (PASSWORD, PASSWORD), "Leave out --as"),
        (("Ada", "--role", "administrator", "--oidc-issuer", "i"), (), "needs a subject"),
        (("Ada", "--role", "administrater"), (PASSWORD,), "Did you mean administrator?"),
    ],
)
def test_what_is_refused_makes_no_database(
    user, tmp_path: Path, arguments: tuple[str, ...], lines: tuple[str, ...], says: str
) -> None:
    path = tmp_path / "new.db"
    answer = user("add", *arguments, "--db", f"sqlite:///{path}", "--password-stdin", lines=lines)
    assert answer.code == 2
    assert says in answer.err
    assert not path.exists()


def test_later_accounts_need_an_administrator(user, filled: str) -> None:
    add = ("add", "Bo", "--role", "engineer", "--db", filled, "--password-stdin")
    answer = user(*add, lines=(THIRD_PASSWORD,))
    assert answer.code == 2
    assert "manage_accounts" in answer.err
    assert "Add --as NAME, and --password-stdin" in answer.err
    answer = user(*add, "--as", "Rhea", lines=(OTHER_PASSWORD, THIRD_PASSWORD))
    assert answer.code == 2
    assert "manage_accounts" in answer.err
    for name, password in (("Ada", OTHER_PASSWORD), ("Nobody", PASSWORD)):
        answer = user(
            *add,
            "--as",
            name,
            lines=(password, THIRD_PASSWORD),
        )
        assert answer.code == 2
        assert "name or the password is not right" in answer.err
    answer = user(*add, "--as", "Ada", lines=(PASSWORD,))
    assert answer.code == 2
    assert "no line with the password of the new account" in answer.err
    assert [name for name, _, _ in names(filled)] == ["Ada", "Rhea"]
    assert user(*add, "--as", "ada", lines=(PASSWORD, THIRD_PASSWORD)).code == 0
    assert names(filled)[-1] == ("Bo", "engineer", False)


def test_an_account_of_openid_connect(user, filled: str) -> None:
    answer = user(
        "add", "Remote", "--role", "reader", "--oidc-issuer", "https://login.example",
        "--oidc-subject", "42", "--db", filled, "--as", "Ada", "--password-stdin", "--json",
        lines=(PASSWORD,),
    )  # fmt: skip
    assert answer.code == 0
    assert answer.json["account"]["has_password"] is False
    assert answer.json["account"]["oidc_subject"] == "42"
    listed = user("list", "--db", filled)
    assert listed.out.splitlines() == [
        "Ada: administrator, prints as Ada, signs in with password",
        "Rhea: reader, prints as Rhea, signs in with password",
        "Remote: reader, prints as Remote, signs in with OpenID Connect",
    ]


def test_disable_enable_and_another_role(user, filled: str) -> None:
    as_ada = ("--db", filled, "--as", "Ada", "--password-stdin", "--json")
    assert user("disable", "rhea", *as_ada, lines=(PASSWORD,)).json["account"]["disabled"] is True
    assert names(filled)[1] == ("Rhea", "reader", True)
    role = ("role", "Rhea", "--role", "senior_reader")
    assert user(*role, *as_ada, lines=(PASSWORD,)).json["account"]["role"] == "senior_reader"
    assert user("enable", "Rhea", *as_ada, lines=(PASSWORD,)).code == 0
    assert names(filled)[1] == ("Rhea", "senior_reader", False)
    answer = user("disable", "Ada", *as_ada, lines=(PASSWORD,))
    assert answer.code == 2
    assert "last administrator" in answer.json["error"]
    assert user("disable", "Nobody", *as_ada, lines=(PASSWORD,)).code == 2
    store = open_store(filled)
    made = [(actor, kind) for actor, kind, _ in happened(store) if actor == "Ada"]
    store.close()
    assert [kind for _, kind in made if kind != EventType.SIGNED_IN] == [
        "account_created", "account_disabled", "role_changed", "account_enabled",
    ]  # fmt: skip


@pytest.mark.parametrize("who", ["Rhea", "Ada"])
def test_another_password(user, filled: str, who: str) -> None:
    """One's own, or as an administrator."""
    present = OTHER_PASSWORD if who == "Rhea" else PASSWORD
    passwd = ("passwd", "Rhea", "--db", filled, "--password-stdin")
    assert user(*passwd, lines=(THIRD_PASSWORD,)).code == 2  # without --as
    wrong = user(*passwd, "--as", who, lines=(THIRD_PASSWORD, THIRD_PASSWORD))
    assert wrong.code == 2
    assert user(*passwd, "--as", who, lines=(present, "short")).code == 2
    assert user(*passwd, "--as", who, lines=(present, THIRD_PASSWORD)).code == 0
    store = open_store(filled)
    with pytest.raises(SignInRefused):
        sign_in(store, "Rhea", OTHER_PASSWORD)
    assert sign_in(store, "Rhea", THIRD_PASSWORD)
    assert happened(store, EventType.PASSWORD_CHANGED)[0][0] == who
    store.close()


def test_a_reader_changes_no_other_password(user, filled: str) -> None:
    answer = user(
        "passwd", "Ada", "--db", filled, "--as", "Rhea", "--password-stdin",
        lines=(OTHER_PASSWORD, THIRD_PASSWORD),
    )  # fmt: skip
    assert answer.code == 2
    assert "manage_accounts" in answer.err


def test_without_accounts_there_is_nothing_to_change(user, url: str) -> None:
    for verb in (("disable", "Ada"), ("enable", "Ada"), ("passwd", "Ada"),
                 ("role", "Ada", "--role", "reader")):  # fmt: skip
        answer = user(*verb, "--db", url)
        assert answer.code == 2
        assert "triage user add NAME --role administrator" in answer.err
    assert user("list", "--db", url, "--json").json == {"accounts": []}
    assert user("list", "--db", url).out == "there is no account\n"


def test_after_five_wrong_passwords_a_verb_is_refused_too(user, filled: str) -> None:
    as_ada = ("enable", "Ada", "--db", filled, "--as", "Ada", "--password-stdin")
    for _ in range(5):
        assert user(*as_ada, lines=(THIRD_PASSWORD,)).code == 2
    assert user(*as_ada, lines=(PASSWORD,)).code == 2


def test_on_a_terminal_passwords_are_asked_for(
    triage: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    add = ("user", "add", "Ada", "--role", "administrator", "--db", url)
    asked = terminal(monkeypatch, PASSWORD, OTHER_PASSWORD)
    answer = triage(*add)
    assert answer.code == 2
    assert "differ" in answer.err
    assert len(asked) == 2
    terminal(monkeypatch, None)
    assert triage(*add).code == 2
    terminal(monkeypatch, PASSWORD, PASSWORD)
    assert triage(*add).code == 0
    asked = terminal(monkeypatch, PASSWORD, OTHER_PASSWORD, OTHER_PASSWORD)
    answer = triage("user", "passwd", "Ada", "--db", url, "--as", "Ada")
    assert answer.code == 0
    assert asked[0] == "Password of --as: "
    assert "password" not in answer.err.lower()


def test_without_a_terminal_and_without_the_option_it_says_what_to_give(
    user, tmp_path: Path
) -> None:
    answer = user("add", "A", "--role", "administrator", "--db", f"sqlite:///{tmp_path / 'a.db'}")
    assert answer.code == 2
    assert "Add --password-stdin" in answer.err


def test_a_line_ends_where_it_ends(user, tmp_path: Path) -> None:
    """Blanks belong to a password, the end of a line of either kind does not."""
    url = f"sqlite:///{tmp_path / 'new.db'}"
    add = ("add", "Ada", "--role", "administrator", "--db", url, "--password-stdin")
    assert user(*add, lines=(f"  {PASSWORD} \r",)).code == 0
    store = open_store(url)
    assert authenticate(store, "Ada", f"  {PASSWORD} ")
    store.close()
