"""The chat's own settings, with passwords that cost nothing: a good hash is slow on purpose, and
tests sign hundreds of people up.
"""

from webchat.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
