"""The second factor of staff: a secret for one-time passwords (TOTP), kept encrypted."""

import base64

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import encrypt, is_mfa_enabled
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from peyman.kernel import text
from peyman.people.models import Person


class Adapter(DefaultMFAAdapter):
    """Encrypts secrets under a key made of the installation's own, so that a copied table opens nothing."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": "رمز یک‌بارمصرف درست نیست یا زمانش گذشته است؛ رمز تازه را از برنامه رمزساز بنویسید.",
    }

    def encrypt(self, text: str) -> str:
        return _box().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _box().decrypt(encrypted_text.encode()).decode()


class Form(AuthenticateForm):
    """Takes the six digits of any script, with spaces."""

    def clean_code(self) -> str:
        self.cleaned_data["code"] = text.normalise(self.cleaned_data["code"], digits=True).replace(" ", "")
        return super().clean_code()


def set_totp(person: Person, secret: str) -> None:
    """Give a member of staff the TOTP secret (base32), in place of any earlier one.

    Raises ValueError for what is no base32 of at least 128 bits.
    """
    if len(base64.b32decode(secret)) < 16:
        raise ValueError("a TOTP secret has 128 bits or more")
    Authenticator.objects.update_or_create(
        user=person, type=Authenticator.Type.TOTP, defaults={"data": {"secret": encrypt(secret)}}
    )


def has_second_factor(person: Person) -> bool:
    return bool(is_mfa_enabled(person, [Authenticator.Type.TOTP]))


def _box() -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"peyman.totp").derive(settings.SECRET_KEY.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
