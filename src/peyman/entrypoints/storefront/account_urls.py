"""Addresses of log-in; the names are those that allauth looks for."""

from django.urls import path

from peyman.entrypoints.storefront import accounts

urlpatterns = [
    path("login/", accounts.login, name="account_login"),
    path("login/code/", accounts.code, name="account_code"),
    path("login/second/", accounts.second, name="mfa_authenticate"),
    path("logout/", accounts.logout, name="account_logout"),
    path("welcome/", accounts.welcome, name="welcome"),
]
