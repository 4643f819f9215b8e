"""Mail over TLS with a login: only to a server whose certificate the host trusts, never in the clear."""

import datetime as dt
import ipaddress
import smtplib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from edition_frames import settings

from pipelines.errors import SendingError
from pipelines.ledger import Ledger, Mail
from pipelines.stages import alert

NOW = dt.datetime(2026, 11, 12, 6, 30)
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")
USER, PASSWORD = "wengang", "not-for-the-log"


class Post:
    """Keeps what it takes, and who had logged in over what."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, bool, bool]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        secured = session.ssl is not None or server.transport.get_extra_info("sslcontext") is not None
        self.taken += [(address, session.authenticated, secured) for address in envelope.rcpt_tos]
        return "250 OK"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate of this host that signs itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    begins = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + dt.timedelta(days=3))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path = tmp_path_factory.mktemp("certificate") / "host.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def _login(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    known = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=known, handled=known)


@pytest.fixture(params=["starttls", "tls"])
def post(request: pytest.FixtureRequest, certificate: Path) -> Iterator[tuple[Post, dict[str, Any]]]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    secured: dict[str, Any] = (
        {"tls_context": context, "require_starttls": True}
        if request.param == "starttls"
        else {"ssl_context": context, "auth_require_tls": False}
    )
    server = Post()
    controller = Controller(
        server, hostname="127.0.0.1", port=port, authenticator=_login, auth_required=True, **secured
    )
    controller.start()
    yield server, {"smtp_host": "localhost", "smtp_port": port, "smtp_security": request.param, "smtp_user": USER}
    controller.stop()


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A ledger with two mails that wait."""
    made = Ledger(tmp_path / "ledger.sqlite")
    for name in ("duty", "east"):
        mail = Mail(
            edition_id="2026-11-12-r1",
            recipient=f"{name}@localhost",
            message_id=f"<{name}@wengang>",
            template="edition",
            content="Subject: x\n\ny",
        )
        made.queue_mail(mail, at=NOW)
    return made


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host trusts the certificate, and the password is in the environment."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setenv("WENGANG_SMTP_PASSWORD", PASSWORD)


@pytest.mark.usefixtures("trusted")
def test_a_trusted_server_takes_mails_after_a_login(post: Any, ledger: Ledger, tmp_path: Path) -> None:
    server, smtp = post
    assert alert.deliver(settings(**smtp), ledger, tmp_path, now=NOW) == (2, 0)
    assert sorted(server.taken) == [("duty@localhost", True, True), ("east@localhost", True, True)]


def test_an_unknown_certificate_gets_neither_password_nor_mail(
    post: Any, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, smtp = post
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("WENGANG_SMTP_PASSWORD", PASSWORD)
    monkeypatch.setattr(smtplib.SMTP, "login", lambda *_: pytest.fail("the password left"))
    with pytest.raises(SendingError, match=r"2 of 2 mails.*CERTIFICATE_VERIFY_FAILED"):
        alert.deliver(settings(**smtp), ledger, tmp_path, now=NOW)
    assert not server.taken
    assert len(ledger.unsent()) == 2


@pytest.mark.usefixtures("trusted")
def test_a_password_that_no_login_can_send_is_told(
    post: Any, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, smtp = post
    monkeypatch.setenv("WENGANG_SMTP_PASSWORD", "口令")
    with pytest.raises(SendingError, match="not ASCII") as caught:
        alert.deliver(settings(**smtp), ledger, tmp_path, now=NOW)
    assert "口令" not in str(caught.value)


@pytest.mark.usefixtures("trusted")
def test_a_wrong_password_is_told_without_it(
    post: Any, ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, smtp = post
    monkeypatch.setenv("WENGANG_SMTP_PASSWORD", "wrong-word")
    with pytest.raises(SendingError, match=r"2 of 2 mails.*535") as caught:
        alert.deliver(settings(**smtp), ledger, tmp_path, now=NOW)
    assert "wrong-word" not in str(caught.value)
    assert not server.taken
