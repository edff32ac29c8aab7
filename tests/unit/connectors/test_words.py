import pytest

from audsync.connectors.words import MAX_WORDS_CHARS, harmless, reference


@pytest.mark.parametrize("words", [None, 5, ["x"], {"a": "b"}])
def test_what_is_no_text_says_nothing(words: object) -> None:
    assert harmless(words) is None
    assert reference(words) is None


@pytest.mark.parametrize(
    "leak",
    [
        "pii-canary-1@example.com",
        "787dae556374718352eb39aedfa4f2616157d3c1b3939065518b957c8d5fa81b",
        "+1 (555) 010-4477",
        "ab1234cd-e123-12f0-a123-4567890abcde",
        '"crm-0042"',
        "s3cret",
        "hCgwKCjE2MDk0NTk5MzI.Sng_very-long.token_x",
        "\x1b[31m",
    ],
)
def test_nobodys_data_and_no_secret_is_left_in_the_words(leak: str) -> None:
    said = harmless(f"Bad value {leak} in row", ("", "s3cret"))
    assert said is not None
    assert leak not in said
    assert said.startswith("Bad value ")


def test_words_are_cut_to_a_length_that_can_be_read() -> None:
    assert len(harmless("ab " * 1_000) or "") == MAX_WORDS_CHARS


def test_the_name_of_a_request_is_kept_as_it_is() -> None:
    assert reference("98e2a602-0000-4000-8000-000000000001") is not None
    assert reference("a b") is None
    assert reference("") is None
