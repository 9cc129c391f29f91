"""Names of clients and attempts."""

import pytest

from nuclei.clients.identity import attempt_id, process_name, successor


@pytest.mark.parametrize(
    ("client", "next_one", "process"),
    [("c1", "c1.2", "c1"), ("c1.2", "c1.3", "c1"), ("c1.9", "c1.10", "c1"), ("a.b", "a.b.2", "a.b")],
)
def test_a_fresh_client_follows_and_names_its_process(client: str, next_one: str, process: str) -> None:
    assert successor(client) == next_one
    assert process_name(client) == process
    assert process_name(next_one) == process


def test_attempts_of_a_trial_are_unique() -> None:
    made = {attempt_id(client, number) for client in ("c1", "c1.2", "c11", "c12") for number in range(1, 30)}
    assert len(made) == 4 * 29
