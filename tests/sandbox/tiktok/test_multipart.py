import pytest

from audsync.sandbox.tiktok.multipart import MalformedError, Part, parse

TYPE = "multipart/form-data; boundary=mark"
FIELD = b'--mark\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
FILE = (
    b'--mark\r\nContent-Disposition: form-data; name="file"; filename="b.csv"\r\n'
    b"Content-Type: text/csv\r\n\r\n\r\n--mar\r\n\r\n"
)


@pytest.mark.parametrize("end", [b"--mark--", b"--mark--\r\n"])
@pytest.mark.parametrize("content_type", [TYPE, 'multipart/form-data;boundary="mark"'])
def test_fields_and_files(content_type: str, end: bytes) -> None:
    assert parse(content_type, FIELD + FILE + end) == [
        Part(name="a", filename=None, content=b"1"),
        Part(name="file", filename="b.csv", content=b"\r\n--mar\r\n"),
    ]


def test_an_empty_file() -> None:
    body = b'--mark\r\nContent-Disposition: form-data; name="f"; filename=""\r\n\r\n\r\n--mark--'
    assert parse(TYPE, body) == [Part(name="f", filename="", content=b"")]


def test_no_part_at_all() -> None:
    assert parse(TYPE, b"--mark--\r\n") == []


@pytest.mark.parametrize(
    ("content_type", "body", "why"),
    [
        ("multipart/form-data", FIELD + b"--mark--", "with a boundary"),
        ("multipart/mixed; boundary=mark", FIELD + b"--mark--", "must be multipart/form-data"),
        (TYPE, b"", "does not start with the boundary"),
        (TYPE, b"preamble\r\n" + FIELD + b"--mark--", "does not start with the boundary"),
        (TYPE, FIELD, "the last boundary is missing"),
        (TYPE, FIELD + b"--mark", "not followed by a line break"),
        (TYPE, FIELD + b"--markX\r\n--mark--", "not followed by a line break"),
        (TYPE, FIELD + b"--mark--\r\nmore", "something follows"),
        (TYPE, b"--mark\r\nno end\r\n--mark--", "headers of a part do not end"),
        (TYPE, b"--mark\r\nno colon\r\n\r\n1\r\n--mark--", "no colon"),
        (TYPE, b"--mark\r\nA: b\r\n\r\n1\r\n--mark--", "no Content-Disposition"),
        (
            TYPE,
            b"--mark\r\nContent-Disposition: attachment\r\n\r\n1\r\n--mark--",
            "no Content-Disposition",
        ),
        (
            TYPE,
            b'--mark\r\nContent-Disposition: form-data; filename="x"\r\n\r\n1\r\n--mark--',
            "has no name",
        ),
        (
            TYPE,
            b'--mark\r\nContent-Disposition: form-data; name="\xff"\r\n\r\n1\r\n--mark--',
            "is not UTF-8",
        ),
    ],
)
def test_anything_else_is_malformed(content_type: str, body: bytes, why: str) -> None:
    with pytest.raises(MalformedError, match=why):
        parse(content_type, body)


def test_values_stay_out_of_reprs() -> None:
    (part,) = parse(TYPE, FIELD.replace(b"1", b"s3cret") + b"--mark--")
    assert "s3cret" not in repr(part)
