"""What holds for every test."""

from hypothesis import HealthCheck, settings

from tests.endings import end_all

# How long an example takes says more about the machine than about the code.
settings.register_profile("audsync", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("audsync")


def pytest_sessionfinish() -> None:
    end_all()
