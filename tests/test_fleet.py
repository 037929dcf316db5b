"""Many playbooks at once: shards, turns, bounds, and failures that hide nothing."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.core.errors import RemoteError, UsageError
from provisioner.fleet import Shard, survey

names = st.lists(st.text(min_size=1, max_size=8), unique=True, max_size=40)


class TestShards:
    @given(names, st.integers(1, 9))
    def test_together_they_are_everything_and_nothing_is_in_two(self, files, of):
        parts = [Shard(number, of).part(files) for number in range(1, of + 1)]
        assert Counter(name for part in parts for name in part) == Counter(files)

    @given(names, st.integers(1, 9), st.randoms())
    def test_every_machine_deals_alike_whatever_the_order_it_found(self, files, of, random):
        shuffled = random.sample(files, len(files))
        for number in range(1, of + 1):
            assert set(Shard(number, of).part(files)) == set(Shard(number, of).part(shuffled))

    @given(names, st.integers(1, 9))
    def test_none_is_larger_than_another_by_more_than_one(self, files, of):
        sizes = [len(Shard(number, of).part(files)) for number in range(1, of + 1)]
        assert max(sizes) - min(sizes) <= 1

    @pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "1/0", "-1/2", "1/2/3", "a/b", "1/10001"])
    def test_what_is_no_shard_is_refused(self, text):
        with pytest.raises(UsageError, match="is no shard"):
            Shard.parsed(text)

    def test_it_is_read_as_it_is_written(self):
        assert Shard.parsed("2/8") == Shard(2, 8)


class Workers:
    """Work that can be watched."""

    def __init__(self, failing=()):
        self.under_way: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.failing = failing

    async def work(self, job):
        tenant = job.partition("/")[0]
        for key in ("all", tenant):
            self.under_way[key] += 1
            self.most[key] = max(self.most[key], self.under_way[key])
        for _ in range(5):
            await asyncio.sleep(0)
        for key in ("all", tenant):
            self.under_way[key] -= 1
        if job in self.failing:
            raise RemoteError(f"{job} cannot be read")
        return job.upper()


def run(workers, jobs, at_once=4, finished=lambda _: None):
    return asyncio.run(
        survey(
            jobs, workers.work, at_once=at_once, tenant=lambda job: job.partition("/")[0], finished=finished
        )
    )


class TestSurvey:
    def test_results_come_in_the_order_of_the_jobs(self):
        jobs = [f"t{number}/a" for number in range(9)]
        assert [result.value for result in run(Workers(), jobs)] == [job.upper() for job in jobs]

    def test_so_many_are_under_way_at_once_and_two_of_the_same_tenant(self):
        workers = Workers()
        run(workers, [f"t{number % 3}/{number}" for number in range(40)])
        assert workers.most["all"] == 4
        assert max(workers.most[f"t{number}"] for number in range(3)) == 2

    def test_a_tenant_with_many_jobs_does_not_hold_the_others_up(self):
        workers = Workers()
        run(workers, [*[f"big/{number}" for number in range(20)], *[f"t{number}/a" for number in range(3)]])
        assert workers.most["all"] == 4

    def test_one_that_fails_hides_none_of_the_others(self):
        results = run(Workers(failing={"t1/a"}), ["t0/a", "t1/a", "t2/a"])
        assert [result.value for result in results] == ["T0/A", None, "T2/A"]
        assert str(results[1].error) == "t1/a cannot be read"

    def test_a_bug_ends_everything(self):
        class Broken(Workers):
            async def work(self, job):
                raise KeyError(job)

        with pytest.raises(KeyError):
            run(Broken(), ["t0/a"])

    def test_whoever_looks_on_is_told_of_each(self):
        told = []
        run(Workers(failing={"t1/a"}), ["t0/a", "t1/a"], finished=lambda result: told.append(result.job))
        assert sorted(told) == ["t0/a", "t1/a"]
