"""What phones of any make tell a test: events, as {"type", "param", ...} in the order of their coming."""

import threading


class PhoneError(Exception):
    """The phone did not do what it was told, or an event did not come."""


class Events:
    """For a phone to inherit from, whose thread adds to _events under _news and notifies.  `log`: where a person looks next."""

    log = None

    def __init__(self):
        self._events, self._news = [], threading.Condition()

    def mark(self):
        """A place in the list of events, for wait(since=...)."""
        with self._news:
            return len(self._events)

    def events(self, since=0):
        """All of them so far, or after `since`."""
        with self._news:
            return self._events[since:]

    def wait(self, *kinds, timeout=10, since=0):
        """The first event of one of these kinds after `since`: CALL_INCOMING, CALL_RINGING, CALL_ESTABLISHED,
        CALL_CLOSED, ..."""

        def first():
            return next((e for e in self._events[since:] if e["type"] in kinds), None)

        with self._news:
            self._news.wait_for(first, timeout)
            if event := first():
                return event
            seen = " ".join(e["type"] for e in self._events[since:]) or "nothing"
        raise PhoneError(f"no {' or '.join(kinds)} within {timeout} s, but {seen}: see {self.log}")

    def has(self, kind, since=0):
        """Whether there was such an event."""
        return any(e["type"] == kind for e in self.events(since))
