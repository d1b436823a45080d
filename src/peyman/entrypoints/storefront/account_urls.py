"""Addresses of log-in, by the names that allauth looks for, and of one's own account."""

from django.urls import path

from peyman.entrypoints.storefront import accounts, book, my_data, profile, sessions

urlpatterns = [
    path("login/", accounts.login, name="account_login"),
    path("login/code/", accounts.code, name="account_code"),
    path("login/second/", accounts.second, name="mfa_authenticate"),
    path("logout/", accounts.logout, name="account_logout"),
    path("welcome/", accounts.welcome, name="welcome"),
    path("account/", profile.account),
    path("account/name", profile.name),
    path("account/landline", profile.landline),
    path("account/birth", profile.birth),
    path("account/news", profile.news),
    path("account/email", profile.ask_email),
    path("account/email/code", profile.email_code),
    path("account/mobile", profile.ask_mobile),
    path("account/mobile/code", profile.mobile_code),
    path("account/sessions/", sessions.sessions),
    path("account/sessions/end", sessions.end),
    path("account/book/", book.book),
    path("account/book/organisation", book.organisation),
    path("account/book/remove", book.remove),
    path("account/data/", my_data.data),
    path("account/data/export", my_data.export),
    path("account/data/erase", my_data.erase),
]
