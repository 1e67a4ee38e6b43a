"""An interrupt that Python drops is raised again."""

import signal
import threading

import pytest

from kzcal.cli.interrupts import interrupts_awaited, interrupts_kept


class Careless:
    """Is interrupted while it is destroyed, where no exception comes out."""

    def __del__(self):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_within_a_destructor_is_not_lost():
    with interrupts_kept() as check:
        check()
        Careless()
        with pytest.raises(KeyboardInterrupt):
            check()


def test_an_ordinary_interrupt_comes_at_once_and_the_handler_goes_back():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), interrupts_kept():
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_have_no_interrupts():
    found = []

    def work():
        with interrupts_kept() as check:
            check()
            found.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [True]


def test_an_awaited_interrupt_waits_and_a_second_one_does_not():
    before = signal.getsignal(signal.SIGINT)
    with interrupts_awaited() as interrupted:
        assert not interrupted()
        signal.raise_signal(signal.SIGINT)
        assert interrupted()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before
