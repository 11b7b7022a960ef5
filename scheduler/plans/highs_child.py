"""The child process that solves with HiGHS."""
