"""Locks on one Redis server: what they keep (controls, one trial) and what breaks them (demonstrations)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from lockquake.testing import Lockquake


def test_a_mutex_in_each_process_guards_nothing_between_processes(lockquake: Lockquake) -> None:
    lockquake.shows("local@redis-single")


def test_token_lock_keeps_two_clients_apart_without_faults(lockquake: Lockquake) -> None:
    lockquake.keeps("redis-set-nx-px@redis-single")


@pytest.mark.kill
def test_token_lock_comes_back_after_its_holder_was_killed(lockquake: Lockquake) -> None:
    lockquake.keeps("redis-set-nx-px@redis-single", "kill-client")


@pytest.mark.kill
def test_setnx_lock_never_comes_back_after_its_holder_was_killed(lockquake: Lockquake) -> None:
    lockquake.shows("redis-setnx@redis-single", "kill-client", property="recovery")


@pytest.mark.pause
def test_token_lock_is_overstayed_by_a_holder_paused_beyond_its_lease(lockquake: Lockquake) -> None:
    verdict = lockquake.shows("redis-set-nx-px@redis-single", "pause-client", kind="overstay")
    assert verdict.cause == "lease-ran-out"


@pytest.mark.pause
def test_blind_delete_frees_somebody_elses_lock(lockquake: Lockquake) -> None:
    lockquake.shows("redis-set-nx-ex-del@redis-single", "pause-client", property="owner-safe-release")


@pytest.mark.pause
def test_token_lock_keeps_a_short_pause(lockquake: Lockquake) -> None:
    lockquake.keeps("redis-set-nx-px@redis-single", "pause-client:for=0.4x")


@pytest.mark.partition
def test_token_lock_keeps_a_client_cut_off_for_less_than_its_lease(lockquake: Lockquake) -> None:
    lockquake.keeps("redis-set-nx-px@redis-single", "partition:side=client,for=0.5x")


@pytest.mark.kill
def test_a_restart_without_data_forgets_the_holder(lockquake: Lockquake) -> None:
    lockquake.shows("redis-set-nx-px@redis-single", "kill-node", kind="double-grant", cause="restart")
