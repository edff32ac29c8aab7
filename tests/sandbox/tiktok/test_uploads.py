import pytest

from tests.sandbox.tiktok.client import (
    ADVERTISER,
    MAIL,
    PHONE,
    TikTok,
    data,
    hashed,
    refused,
)

A, B = hashed("ana.silva@example.org"), hashed("omar.k@example.org")
UPLOAD = "dmp/custom_audience/file/upload/"
MULTIPLE = "MULTIPLE_TYPES"
MAID = "aebe52e7-03ee-455a-b3c4-e57283966239"
MD5 = "d57f8e24a33c09a743d3cdc8c40cbbed"
SPECIFICATIONS = "The file does not meet the specifications: "


class TestUpload:
    def test_the_example_of_the_documentation(self, either: TikTok) -> None:
        body = f"{A}\n{B}\n".encode()
        assert len(body) == 130
        answer = either.upload(body, file_signature="450d892a31a2bf61d16c9d6d8584b6e3")
        assert len(data(answer)["file_path"]) == 16
        assert data(either.upload(body)) != data(answer)

    @pytest.mark.parametrize("end", ["", "\n", "\r\n"])
    def test_line_ends(self, tiktok: TikTok, end: str) -> None:
        body = f"{A}{end or chr(10)}{B.upper()}{end}".encode()
        assert data(tiktok.upload(body))

    def test_every_type(self, tiktok: TikTok) -> None:
        for name in ("EMAIL", "PHONE", "IDFA", "GAID", "MAID", "FIRST"):
            assert data(tiktok.upload(A.encode(), f"{name}_SHA256"))
        for name in ("IDFA", "GAID", "MAID", "FIRST"):
            assert data(tiktok.upload(MD5.encode(), f"{name}_MD5"))
        for name in ("FIRST_NORMAL", "EMAIL_MD5", "AAID_SHA256", "3"):
            wrong = (40909, "calculate_type: Not a supported type.")
            assert refused(tiktok.upload(A.encode(), name)) == wrong

    @pytest.mark.parametrize("name", ["ids", "ids.CSV", "ids.csv.gz", "ids.xlsx"])
    def test_the_name_must_end_right(self, tiktok: TikTok, name: str) -> None:
        wrong = (40908, "The file type is not supported; use .csv or .txt.")
        assert refused(tiktok.upload(A.encode(), filename=name)) == wrong
        assert data(tiktok.upload(A.encode(), filename="ids.txt"))

    def test_size_and_signature(self, tiktok: TikTok) -> None:
        assert refused(tiktok.upload(b"")) == (40906, "The file is empty.")
        wrong = (40900, "file_signature: Does not match the MD5 of the file.")
        assert refused(tiktok.upload(A.encode(), file_signature=MD5)) == wrong
        tiktok.configure(max_file_bytes=129)
        large = (40907, "The file is too large.")
        assert refused(tiktok.upload(f"{A}\n{B}\n".encode())) == large

    def test_a_large_file_is_quick(self, tiktok: TikTok) -> None:
        lines = "".join(f"{number:064x}\n" for number in range(100_000)).encode()
        data(tiktok.upload(lines))
        (request,) = [r for r in tiktok.world.journal.requests() if r["action"] == "upload"]
        assert request["rows"] == 100_000

    @pytest.mark.parametrize(
        ("body", "line"),
        [
            (f"{A}\n\n{B}", 2),
            (f"{A}\n{B[:-1]}", 2),
            (f"{A}\n{B[:-2]}  ", 2),
            (f"{A}\n{B[:62]}g0", 2),
            (f"email\n{A}", 1),
            (f"{A},{B}", 1),
            (f"{A} \n{B}", 1),
            (MD5, 1),
            ("\n", 1),
        ],
    )
    def test_every_line_is_a_hash(self, tiktok: TikTok, body: str, line: int) -> None:
        what = f"{SPECIFICATIONS}line {line} is not a EMAIL_SHA256."
        assert refused(tiktok.upload(body.encode())) == (40915, what)
        assert tiktok.violations() == []

    def test_raw_values_are_noted(self, tiktok: TikTok) -> None:
        body = f"{A}\njane@example.com\nbert@example.com\n+16577770000"
        assert refused(tiktok.upload(body.encode()))[0] == 40915
        assert tiktok.violations() == [("raw_email", MAIL, 2), ("raw_phone", MAIL, 1)]
        empty = hashed("")
        data(tiktok.upload(f"{A}\n{empty}\n{empty}".encode()))
        assert tiktok.violations()[2:] == [("hash_of_nothing", MAIL, 2)]

    def test_a_header_line_can_be_allowed(self, tiktok: TikTok) -> None:
        tiktok.configure(allows_header_line=True)
        assert data(tiktok.upload(f"email\n{A}\n".encode()))
        assert refused(tiktok.upload(f"email\nmail\n{A}\n".encode()))[0] == 40915
        assert refused(tiktok.upload(b"email\n"))[0] == 40915

    def test_text_must_be_utf_8(self, tiktok: TikTok) -> None:
        wrong = (40915, f"{SPECIFICATIONS}it is not UTF-8 text.")
        assert refused(tiktok.upload(b"\xff\xfe")) == wrong

    @pytest.mark.parametrize("name", ["file_signature", "calculate_type"])
    def test_required_fields(self, tiktok: TikTok, name: str) -> None:
        form = {"advertiser_id": ADVERTISER, "file_signature": MD5, "calculate_type": MAIL}
        del form[name]
        answer = tiktok.call("POST", UPLOAD, data=form, files={"file": ("a.csv", b"x")})
        assert refused(answer) == (40002, f"{name}: Missing data for required field.")

    def test_the_file_must_be_a_file(self, tiktok: TikTok) -> None:
        form = {"advertiser_id": (None, ADVERTISER), "file": (None, A)}
        answer = tiktok.call("POST", UPLOAD, files=form)
        assert refused(answer) == (40002, "file: Missing data for required field.")
        answer = tiktok.call("POST", UPLOAD, files={"advertiser_id": ("a.csv", b"x")})
        assert refused(answer) == (40002, "advertiser_id: Not a valid string.")

    def test_the_body_must_be_a_form(self, tiktok: TikTok) -> None:
        assert refused(tiktok.post(UPLOAD)) == (
            40000,
            "Invalid request body: the content type must be multipart/form-data with a boundary.",
        )
        twice = [("advertiser_id", (None, ADVERTISER))] * 2
        answer = tiktok.call("POST", UPLOAD, files=twice)
        assert refused(answer) == (40000, "Invalid request body: a field comes twice.")


class TestColumns:
    def test_the_example_of_the_documentation(self, tiktok: TikTok) -> None:
        tiktok.configure(file_delay_h=0, smallest_audience=0)
        phone = "195563c1d879cb1564e2cdd6d89363ecb1f091ac0eeac094760f06139eae6077"
        body = f"email_SHA256,phone_SHA256,MAID_SHA256\n{A},{phone},\n".encode()
        signature = "87146131f9bb9d654f6657ffc2223759"
        path = data(tiktok.upload(body, MULTIPLE, file_signature=signature))["file_path"]
        audience = tiktok.create_from(path, calculate_type=MULTIPLE)
        remote = tiktok.remote(audience)
        assert remote.identifiers == {(MAIL, A), (PHONE, phone)}
        assert remote.persons == {remote.identifiers}

    def test_headers_in_any_case_and_thrice(self, tiktok: TikTok) -> None:
        tiktok.configure(file_delay_h=0, smallest_audience=0)
        body = f"EMAIL_sha256,email_SHA256,email_sha256,maid\n{A},{B},,\n,,,{MAID.upper()}"
        path = data(tiktok.upload(body.encode(), MULTIPLE))["file_path"]
        audience = tiktok.create_from(path, calculate_type=MULTIPLE)
        both = frozenset({(MAIL, A), (MAIL, B)})
        assert tiktok.remote(audience).persons == {both, frozenset({("MAID", MAID)})}

    @pytest.mark.parametrize(
        ("body", "what"),
        [
            (f"{A},{B}", "the header names a column that is not known."),
            (f"email_SHA256,idfa\n{A},{B}", "the header names a column that is not known."),
            (",".join(["maid"] * 4) + "\n,,,", "a column comes more than 3 times."),
            (f"maid,email_SHA256\n,{A}\n{A}", "line 3 has not as many fields as the header."),
            (f"maid,email_SHA256\n,{A}\n", ""),
            (f"maid,email_SHA256\n,{A}\n\n", "line 3 has not as many fields as the header."),
            (
                f"maid,email_SHA256\n,{A}\n,\n",
                "there is a row without any id, or no row at all.",
            ),
            ("email_SHA256\n", "there is a row without any id, or no row at all."),
            (
                f"maid_md5,email_SHA256\n,{A}\n,{MD5}",
                "line 3 has a field that is not a EMAIL_SHA256.",
            ),
            (f"maid,email_SHA256\n{A},{A}", "line 2 has a field that is not a MAID."),
        ],
    )
    def test_header_and_rows_must_fit(self, tiktok: TikTok, body: str, what: str) -> None:
        answer = tiktok.upload(body.encode(), MULTIPLE)
        if what:
            assert refused(answer) == (40915, SPECIFICATIONS + what)
        else:
            assert data(answer)

    def test_device_ids_hashed_in_two_ways_are_noted(self, tiktok: TikTok) -> None:
        data(tiktok.upload(f"maid_sha256,maid_md5\n{A},{MD5}".encode(), MULTIPLE))
        assert tiktok.violations() == [("mixed_device_hashes", "file", 1)]
