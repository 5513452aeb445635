"""The Test Anything Protocol, as tests/run reads it: one line for each claim."""

import sys
import traceback


class Tap:
    def __init__(self):
        self.count = self.failed = 0

    def claim(self, text, holds, detail=""):
        self.count += 1
        self.failed += not holds
        print(f"{'ok' if holds else 'not ok'} {self.count} - {text}" + (f" ({detail})" if detail else ""), flush=True)
        return bool(holds)

    def skip(self, text, why):
        self.count += 1
        print(f"ok {self.count} - {text} # skip {why}", flush=True)

    def done(self):
        """Prints the plan and returns the exit status."""
        print(f"1..{self.count}", flush=True)
        return 1 if self.failed or not self.count else 0


def run(tests):
    """Each test is a function; its name is the claim, an exception disproves it."""
    tap = Tap()
    for test in tests:
        text = test.__name__.replace("_", " ")
        try:
            test()
        except Exception:  # any failure is this claim's; the others are still judged
            traceback.print_exc(file=sys.stdout)
            tap.claim(text, False)
        else:
            tap.claim(text, True)
    return tap.done()
