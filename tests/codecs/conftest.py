from hypothesis import settings

# No deadline: the machine is shared, and a slow example is no error of the code under test.
settings.register_profile("talkpath", deadline=None, max_examples=100, print_blob=True)
settings.load_profile("talkpath")
