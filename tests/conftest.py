import pytest
from hypothesis import HealthCheck, settings

# No deadlines: the machine is shared, and a slow example is no error of the code under test.
settings.register_profile(
    "talkpath",
    deadline=None,
    max_examples=100,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("talkpath")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest tests, so that no process is left with them when the others have ended."""
    items.sort(key=lambda item: item.get_closest_marker("soak") is None)
