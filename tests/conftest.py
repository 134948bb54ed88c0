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
