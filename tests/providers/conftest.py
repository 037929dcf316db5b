"""The shared harness tells what was asserted, like a test does."""

import pytest

pytest.register_assert_rewrite("tests.providers.check_harness")
