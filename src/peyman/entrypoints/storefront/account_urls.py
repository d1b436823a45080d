"""Addresses of log-in, by the names that allauth looks for, and of one's own account."""

from django.urls import path

from peyman.entrypoints.storefront import accounts, book, lost_line, my_data, profile, refunds, sessions

urlpatterns = [
    path("login/", accounts.login, name="account_login"),
    path("login/code/", accounts.code, name="account_code"),
    path("login/second/", accounts.second, name="mfa_authenticate"),
    path("login/returning/", accounts.returning),
    path("login/lost/", lost_line.ask),
    path("login/lost/email/", lost_line.email),
    path("login/lost/mobile/", lost_line.mobile),
    path("login/lost/staff/", lost_line.staff),
    path("login/lost/code/", lost_line.code),
    path("lost/<str:token>/", lost_line.stop),
    path("logout/", accounts.logout, name="account_logout"),
    path("welcome/", accounts.welcome, name="welcome"),
    path("account/", profile.account),
    path("account/name", profile.name),
    path("account/landline", profile.landline),
    path("account/birth", profile.birth),
    path("account/news", profile.news),
    path("account/national-id", profile.national_id),
    path("account/sheba", profile.sheba),
    path("account/lost/stop", lost_line.stop_mine),
    path("account/email", profile.ask_email),
    path("account/email/code", profile.email_code),
    path("account/mobile", profile.ask_mobile),
    path("account/mobile/code", profile.mobile_code),
    path("account/sessions/", sessions.sessions),
    path("account/sessions/end", sessions.end),
    path("account/book/", book.book),
    path("account/book/organisation", book.organisation),
    path("account/book/remove", book.remove),
    path("account/refunds/", refunds.mine),
    path("account/refunds/account", refunds.declare),
    path("account/data/", my_data.data),
    path("account/data/export", my_data.export),
    path("account/data/erase", my_data.erase),
]
