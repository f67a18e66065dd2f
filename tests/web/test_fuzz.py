"""Whatever is posted, the answer is the caller's to understand, and never a fault of ours."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct, json, structs

from mfm.core.permissions import TABLE
from mfm.web.asgi import ENDPOINTS
from mfm.web.endpoints import Endpoint
from tests.web.site import Site, problem, usd
from tests.web.test_routes import address

pytestmark = pytest.mark.anyio

POSTS = [endpoint for endpoint in ENDPOINTS if endpoint.method == "POST"]
EXAMPLES = 25

odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, -1, 2**31, 2**53, 2**63, 2**64, 10**40, 1.5, -0.0]),
    st.text(max_size=20),
    st.sampled_from(
        ["", "\0", "g", "donor", "1100", "NaN", "2026-04-01", "0001-01-01", "9999-12-31", "é\u0301"]
    ),
)
money = st.one_of(
    odd,
    st.just(usd("1.00")),
    st.fixed_dictionaries(
        {
            "amount": odd | st.sampled_from(["1.00", "0.01", "92233720368547758.07", "1e3"]),
            "currency": odd | st.sampled_from(["USD", "EUR", "JPY", "KWD"]),
        }
    ),
)
tree = st.recursive(
    odd | money,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


def bodies(request: type[Struct]) -> st.SearchStrategy[Any]:
    """Return bodies that look like a command, and some that do not."""
    fields = [field.name for field in structs.fields(request)]
    known = st.fixed_dictionaries({}, optional=dict.fromkeys(fields, tree))
    listed = st.fixed_dictionaries(
        {},
        optional={
            "account": odd | st.sampled_from(["1100", "5700", "9300"]),
            "debit": money,
            "credit": money,
            "amount": money,
            "subject": odd,
        },
    )
    lines = st.fixed_dictionaries(
        {}, optional={name: st.lists(listed, max_size=3) | tree for name in fields}
    )
    return st.one_of(known, lines, tree)


@pytest.mark.parametrize("endpoint", POSTS, ids=[each.path for each in POSTS])
async def test_no_body_breaks_it(site: Site, endpoint: Endpoint) -> None:
    sent: list[bytes] = []

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), database=None)
    @given(bodies(endpoint.request or Struct))
    def collect(body: object) -> None:
        try:
            sent.append(json.encode(body))
        except (OverflowError, UnicodeEncodeError):
            sent.append(repr(body).encode(errors="surrogatepass"))

    collect()
    role = next(iter(TABLE[endpoint.action]))
    for body in sent:
        site.services._refusals.clear()  # who only tries is held back in another test
        for noun in ("g", "p"):
            answer = await site.post(address(endpoint).replace("/1/", f"/{noun}/"), body, role)
            assert answer.status_code < 500, (endpoint.path, body, answer.text)
            if answer.status_code >= 400:
                problem(answer, answer.json()["code"])
