"""Failed assertions in the shared harness show their values, as in a test."""

import pytest

pytest.register_assert_rewrite("tests.providers.check_harness")
