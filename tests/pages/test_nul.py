"""A NUL, which nobody types and PostgreSQL cannot hold, is a bad request wherever it stands."""

import pytest

from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _somebody(client):
    make.terms()
    client.force_login(make.person())


@pytest.mark.parametrize(
    "path",
    [
        "/orders/%00/", "/goods/?q=%00", "/goods/?brand=%00", "/goods/?after=%00", "/pay/%00/", "/p/%00/x/",
        "/pay/zarinpal/callback?Authority=%00&Status=OK", "/sandbox/inbox?to=%00",
    ],
)  # fmt: skip
def test_in_an_address_it_is_refused(client, path):
    assert client.get(path).status_code == 400


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/cart/add", {"sku": "\0", "quantity": "1"}),
        ("/cart/set", {"sku": "\0", "quantity": "1"}),
        ("/login/", {"mobile": "0912\0"}),
        ("/welcome/", {"full_name": "زهرا\0", "email": ""}),
    ],
)
def test_in_a_form_it_is_refused(client, path, form):
    assert client.post(path, form).status_code == 400


def test_in_an_address_of_the_api_it_is_not_found(client):
    for path in ("/api/v1/products/%00", "/api/v1/orders/%00"):
        response = client.get(path)
        assert response.status_code == 404
        assert response["Content-Type"] == "application/problem+json"
