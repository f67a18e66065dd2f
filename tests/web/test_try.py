import pytest
from tests.web.site import *
pytestmark = pytest.mark.anyio

async def test_try(site):
    import time
    r = await site.post("/v1/entries", voucher()); print(r.status_code, r.text, r.headers)
    cases = {
     "nul name": ("/v1/parties", b'{"name":"a\\u0000b"}', "preparer"),
     "surrogate": ("/v1/parties", b'{"name":"a\\ud800b"}', "preparer"),
     "escape nfc": ("/v1/parties", b'{"name":"e\\u0301"}', "preparer"),
     "days": ("/v1/keys", b'{"party":"agent","role":"payer","days":100000000000}', "administrator"),
     "days-": ("/v1/keys", b'{"party":"agent","role":"payer","days":-1}', "administrator"),
     "days0": ("/v1/keys", b'{"party":"agent","role":"payer","days":5000000}', "administrator"),
     "rev": ("/v1/records/%s/reverse" % ("9"*5000), b'{}', "approver"),
     "rev2": ("/v1/records/%s/reverse" % ("9"*30), b'{}', "approver"),
     "rev3": ("/v1/records/x/reverse", b'{}', "approver"),
     "tr": ("/v1/disbursements", b'{"commitment":"w","tranche":99999999999999999999999999999999}', "preparer"),
     "date": ("/v1/entries", voucher(effective_on="0001-01-01"), "preparer"),
     "date2": ("/v1/entries", voucher(effective_on="9999-12-31"), "preparer"),
     "tz": ("/v1/funds", {"name":"x","tier":"local","currency":"USD","steward":"agent","time_zone":"../../etc/passwd"}, "administrator"),
     "tz2": ("/v1/funds", {"name":"x","tier":"local","currency":"USD","steward":"agent","time_zone":"America"}, "administrator"),
     "nulpath": ("/v1/pledges/%00/lapse", {}, "preparer"),
     "badpath": ("/v1/pledges/%ff/lapse", {}, "preparer"),
     "bigfield": ("/v1/parties", b'{"' + b"x"*3000 + b'":1}', "preparer"),
     "oddfield": ("/v1/parties", b'{"name":"x", "a/b":1}', "preparer"),
     "list": ("/v1/parties", b'[]', "preparer"),
     "deep": ("/v1/parties", b'['*100000, "preparer"),
     "deep2": ("/v1/pledges/p/lapse", b'{"a":'*100000, "preparer"),
     "1e400": ("/v1/parties", b'{"name":1e400}', "preparer"),
     "rate": ("/v1/deposits", {"commitment":"c","amount":{"amount":"1.00","currency":"EUR"},"rate":"9999999999.999999999999","settles":usd("1.00"), "effective_on":"2026-04-01"}, "preparer"),
     "bigamount": ("/v1/entries", voucher("92233720368547758.07"), "preparer"),
     "x": ("/v1/entries", voucher("12345678901234567890123"), "preparer"),
    }
    for name,(path, body, who) in cases.items():
        try:
            r = await site.post(path, body, who)
            print(name, r.status_code, r.text[:300], len(r.text))
        except Exception as e:
            print(name, "RAISED", type(e), str(e)[:300])
    for path in ["/v1/parties/%00", "/v1/parties?identifier=%00", "/v1/parties?identifier=%ff", "/v1/parties?%ff=1", "/v1/parties?limit=0", "/v1/parties?cursor=%C3%A9", "/v1/parties?cursor=AAAA", "/v1/funds/g/statement?known_at=-1", "/v1/funds/g/statement?known_at=" + "9"*5000,"/v1/funds/g/statement?as_of=x","/v1/funds/g/accounts/1100/history?after=5","/v1/funds/g/accounts/1100/history?foo=5","/v1/funds/%00/statement", "/v1/records?fund=%00", "/v1/records/0", "/v1/records/00001", "/v1/totals?by=x", "/v1/totals?foo=x", "/v1/parties/", "/v1/parties?limit=5&limit=6", "/v1//parties", "/nope"]:
        try:
            r = await site.get(path)
            print(path[:60], r.status_code, r.text[:250])
        except Exception as e:
            print(path[:60], "RAISED", type(e), str(e)[:300])
    for m in ["PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "FOO"]:
        for p in ["/v1/parties", "/v1/parties/x", "/v1/disbursements/x/approve", "/nope"]:
            r = await site.client.request(m, p); print(m, p, r.status_code, r.headers.get("allow"), r.headers.get("content-type"), r.text[:80])
