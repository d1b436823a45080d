"""The tariff: what the national registry says, what the network serves, and where the two drift apart."""
