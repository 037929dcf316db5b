"""Many playbooks at once: shards, limits, and failures that hide no other playbook."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.cli.fleet import Shard, run_jobs
from provisioner.core.errors import RemoteError, UsageError

names = st.lists(st.text(min_size=1, max_size=8), unique=True, max_size=40)


class TestShards:
    @given(names, st.integers(1, 9))
    def test_every_name_is_in_exactly_one_shard(self, files, of):
        parts = [Shard(number, of).select(files) for number in range(1, of + 1)]
        assert Counter(name for part in parts for name in part) == Counter(files)

    @given(names, st.integers(1, 9), st.randoms())
    def test_every_machine_assigns_alike_whatever_the_order_of_its_names(self, files, of, random):
        shuffled = random.sample(files, len(files))
        for number in range(1, of + 1):
            assert set(Shard(number, of).select(files)) == set(Shard(number, of).select(shuffled))

    @given(names, st.integers(1, 9))
    def test_none_is_larger_than_another_by_more_than_one(self, files, of):
        sizes = [len(Shard(number, of).select(files)) for number in range(1, of + 1)]
        assert max(sizes) - min(sizes) <= 1

    @pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "1/0", "-1/2", "1/2/3", "a/b", "1/10001"])
    def test_text_of_another_form_is_refused(self, text):
        with pytest.raises(UsageError, match="is not a shard"):
            Shard.parse(text)

    def test_a_shard_is_parsed(self):
        assert Shard.parse("2/8") == Shard(2, 8)


class Workers:
    """Records how much work runs at once."""

    def __init__(self, failing=()):
        self.running: Counter[str] = Counter()
        self.peak: Counter[str] = Counter()
        self.failing = failing

    async def work(self, job):
        tenant = job.partition("/")[0]
        for key in ("all", tenant):
            self.running[key] += 1
            self.peak[key] = max(self.peak[key], self.running[key])
        for _ in range(5):
            await asyncio.sleep(0)
        for key in ("all", tenant):
            self.running[key] -= 1
        if job in self.failing:
            raise RemoteError(f"{job} cannot be read")
        return job.upper()


def run(workers, jobs, on_result=lambda _: None):
    return asyncio.run(
        run_jobs(
            jobs,
            workers.work,
            concurrency=4,
            tenant=lambda job: job.partition("/")[0],
            on_result=on_result,
        )
    )


class TestRunJobs:
    def test_results_come_in_the_order_of_the_jobs(self):
        jobs = [f"t{number}/a" for number in range(9)]
        assert [result.value for result in run(Workers(), jobs)] == [job.upper() for job in jobs]

    def test_so_many_are_running_at_once_and_two_of_the_same_tenant(self):
        workers = Workers()
        run(workers, [f"t{number % 3}/{number}" for number in range(40)])
        assert workers.peak["all"] == 4
        assert max(workers.peak[f"t{number}"] for number in range(3)) == 2

    def test_a_tenant_with_many_jobs_does_not_block_the_others(self):
        workers = Workers()
        run(workers, [*[f"big/{number}" for number in range(20)], *[f"t{number}/a" for number in range(3)]])
        assert workers.peak["all"] == 4

    def test_a_failed_job_does_not_stop_the_others(self):
        results = run(Workers(failing={"t1/a"}), ["t0/a", "t1/a", "t2/a"])
        assert [result.value for result in results] == ["T0/A", None, "T2/A"]
        assert str(results[1].error) == "t1/a cannot be read"

    def test_any_other_exception_ends_all_jobs(self):
        class Broken(Workers):
            async def work(self, job):
                raise KeyError(job)

        with pytest.raises(KeyError):
            run(Broken(), ["t0/a"])

    def test_every_result_is_passed_to_the_callback(self):
        ended = []
        run(Workers(failing={"t1/a"}), ["t0/a", "t1/a"], on_result=lambda result: ended.append(result.job))
        assert sorted(ended) == ["t0/a", "t1/a"]
