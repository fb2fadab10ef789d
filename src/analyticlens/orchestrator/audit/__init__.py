"""Who did what, when, from where and why: appended in the transaction of the act itself, never changed."""

from audit.actor import Actor, acting, current_actor, current_reason

__all__ = ["Actor", "acting", "current_actor", "current_reason"]
