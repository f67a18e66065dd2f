"""Bodies: a key that stands twice is found whatever the white space, escapes and quotes around."""

from json import dumps
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mfm.core.errors import Invalid
from mfm.web.bodies import check_keys

text = st.text(alphabet='ab"\\:{},é\n\x07~/', max_size=5)
value = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)


def pointers(told: Any, at: str = "") -> list[str]:  # noqa: ANN401  # any JSON value
    """Return the pointers to all keys."""
    found = []
    pairs = (
        told.items()
        if isinstance(told, dict)
        else enumerate(told)
        if isinstance(told, list)
        else ()
    )
    for key, each in pairs:
        here = f"{at}/{str(key).replace('~', '~0').replace('/', '~1')}"
        found += [here] if isinstance(told, dict) else []
        found += pointers(each, here)
    return found


def written(told: Any, draw: Any, twice: str, at: str = "") -> str:  # noqa: ANN401  # any JSON value
    """Return a value as JSON, with the key at one pointer said twice."""
    space = draw(st.sampled_from(["", " ", "\n\t"]))
    if isinstance(told, list):
        items = [written(each, draw, twice, f"{at}/{n}") for n, each in enumerate(told)]
        return f"[{space}{','.join(items)}{space}]"
    if not isinstance(told, dict):
        return dumps(told, ensure_ascii=draw(st.booleans()))
    items = []
    for key, each in told.items():
        here = f"{at}/{key.replace('~', '~0').replace('/', '~1')}"
        name = dumps(key, ensure_ascii=draw(st.booleans()))
        if here == twice:
            first = written(draw(value), draw, "")
            items.append(f"{name}{space}:{first}")
        items.append(f"{name}{space}:{space}{written(each, draw, twice, here)}")
    order = draw(st.permutations(items))
    return f"{{{space}{','.join(order)}{space}}}"


@given(value, st.data())
def test_a_key_that_stands_twice_is_found(told: Any, data: st.DataObject) -> None:  # noqa: ANN401  # any JSON value
    check_keys(written(told, data.draw, "none"))
    keys = pointers(told)
    if keys:
        twice = data.draw(st.sampled_from(keys))
        with pytest.raises(Invalid, match="json-duplicate-key") as raised:
            check_keys(written(told, data.draw, twice))
        assert raised.value.pointer == twice
