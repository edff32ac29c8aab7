"""Telling receivers outside: webhooks, chats and mailboxes that hear of events, and heartbeats."""
