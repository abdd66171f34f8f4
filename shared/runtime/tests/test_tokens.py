"""What signer and verifier agree on."""

from shared.runtime.tokens import key_id


def test_a_key_id_is_stable_and_tells_keys_apart() -> None:
    """Signer and verifier derive the same id, release after release: tokens outlive an upgrade."""
    assert key_id("a-secret-of-tests-alone-0123456789") == "323f4abeb565b9c4"
    assert key_id("a-secret-of-tests-alone-0123456780") != key_id("a-secret-of-tests-alone-0123456789")
