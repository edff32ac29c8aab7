import subprocess
import sys

from audsync.connectors import registry
from audsync.connectors.contract import Access, HttpLimits
from audsync.domain import Platform
from tests.unit.connectors.fakes import FakeClock


def test_reading_the_specs_loads_nothing_heavy() -> None:
    code = (
        "import sys, audsync.connectors.registry\n"
        "print({'httpx', 'polars', 'pyarrow', 'tenacity', 'duckdb'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_connector_says_which_version_it_speaks() -> None:
    access = Access(account="1", api_version="v25.0", credentials={"access_token": "x"})
    connector = registry.connect(Platform.META, access, clock=FakeClock(), limits=HttpLimits())
    assert connector.spec.api_version == "v25.0"
    assert connector.spec.platform is Platform.META
    connector.close()
