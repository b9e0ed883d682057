"""Telling people of alarms: who, when and what is decided apart from the carriers that bring it (smtp, webhook)."""
